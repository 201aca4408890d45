/** Pieces are joined when there are so many: longer lists are slow to join. */
const MOST = 1 << 12;

/**
 * A text that is written piece by piece, and joined once. Strings of strings
 * would take the most of the memory and of the time that printing takes, as
 * would a list of pieces that grows for each part of a text.
 */
export class Pieces {
  private readonly pieces: string[] = [];
  private count = 0;
  private readonly joined: string[] = [];

  /** Write up to three pieces. */
  push(first: string, second?: string, third?: string): void {
    const { pieces } = this;
    pieces[this.count++] = first;
    if (second !== undefined) pieces[this.count++] = second;
    if (third !== undefined) pieces[this.count++] = third;
    if (this.count >= MOST) this.join();
  }

  /** What has been written, behind `before`. */
  text(before = ''): string {
    this.join();
    return before + this.joined.join('');
  }

  private join(): void {
    // The list keeps its room for the pieces that follow.
    this.pieces.length = this.count;
    this.joined.push(this.pieces.join(''));
    this.count = 0;
  }
}
