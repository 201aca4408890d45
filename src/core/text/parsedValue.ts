import type { Tensor, TensorData, TextSpan, Type, ValueInfo } from '../onnx/model';

/** A value declared in text. Its spans are worked out when they are asked for, which few ever are. */
export class ParsedValue implements ValueInfo {
  /** @param start where its text starts, which ends where its name does. */
  constructor(
    readonly name: string,
    readonly type: Type | undefined,
    private readonly start: number,
    private readonly nameStart: number,
    private readonly nameEnd: number,
  ) {}

  get span(): TextSpan {
    return { start: this.start, end: this.nameEnd };
  }

  get nameSpan(): TextSpan {
    return { start: this.nameStart, end: this.nameEnd };
  }

  /** The same value `by` characters further on in the text. */
  shifted(by: number): ParsedValue {
    return new ParsedValue(this.name, this.type, this.start + by, this.nameStart + by, this.nameEnd + by);
  }
}

/** An initializer stated in text. */
export class ParsedTensor implements Tensor {
  constructor(
    readonly name: string,
    readonly dataType: number,
    readonly dims: readonly number[],
    readonly data: TensorData,
    private readonly start: number,
    private readonly nameStart: number,
    private readonly nameEnd: number,
    private readonly end: number,
  ) {}

  get span(): TextSpan {
    return { start: this.start, end: this.end };
  }

  get nameSpan(): TextSpan {
    return { start: this.nameStart, end: this.nameEnd };
  }

  /** The same initializer `by` characters further on in the text. */
  shifted(by: number): ParsedTensor {
    const { name, dataType, dims, data, start, nameStart, nameEnd, end } = this;
    return new ParsedTensor(name, dataType, dims, data, start + by, nameStart + by, nameEnd + by, end + by);
  }
}
