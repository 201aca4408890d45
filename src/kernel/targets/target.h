// The interface between the portable planning code and the code that is compiled once per instruction set.
// Only plain structs and function pointers cross it. Sources of a target include no C++ library header: an inline
// library function compiled for AVX-512 and kept by the linker would crash every other processor.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fusionlens {

/** Mean and sum of squared deviations of one tile of one output plane. */
struct TileMoments {
  double mean;
  double squares;
};

// What lies beyond the input's edges, as in `Border`.
constexpr int kBorderZero = 0;
constexpr int kBorderReflect = 1;
constexpr int kBorderEdge = 2;

/**
 * Outputs of a slice that see the same kernel taps: one phase holds all of them, but where the convolution is
 * transposed, a phase has every `stride`-th row and column (the gather form: an ordinary convolution of stride 1 with
 * the taps that meet these outputs; Dumoulin and Visin, "A guide to convolution arithmetic", 2016, chapter 4).
 */
struct DirectPhase {
  int64_t row, column;     // of its first output
  int64_t taps;            // products per input channel
  int64_t tapsBefore;      // of the slice's phases before this one
  const int32_t* offsets;  // of a chunk's channels and taps
};

/** Output slices that see the same slices of the kernel: all of them, but where the convolution is transposed. */
struct DirectSlices {
  int64_t inputs;        // how many input slices an output slice sees
  const int64_t* input;  // which, relative to the output slice's first
  int64_t taps;          // of all phases
  int64_t phaseCount;
  const DirectPhase* phases;  // only those that have taps
};

/**
 * How the direct convolution cuts its output into tiles and stages the input of a tile.
 *
 * A tile is `tileHeight` × `tileWidth` outputs of each phase of one output slice. Its input is copied ("staged") into a
 * buffer in which padding is explicit and which is split by stride phase, so that the inputs which one kernel tap
 * brings to consecutive outputs of a row are consecutive floats:
 *
 *   staged[channel of the chunk][input slice][row phase][column phase][row][column]
 *
 * Tap t of channel c then reads, for the output at (row r, column x) of the tile, staged[offsets[c·taps + t] +
 * r·stagedRow + x]. One inner loop serves every stride, dilation and padding, transposed or not.
 */
struct DirectLayout {
  // The convolution, for one group.
  int64_t inChannels;  // of the group
  int64_t inDepth, inHeight, inWidth;
  int64_t outDepth, outHeight, outWidth;
  int64_t strideDepth, strideHeight, strideWidth;  // from an output of a phase to the next, in inputs
  int64_t stepDepth, stepHeight, stepWidth;        // the same in outputs
  int64_t firstRow, firstColumn;                   // input that staging begins with, for output 0
  int border;

  // Tiles.
  int64_t tileHeight, tileWidth;
  int64_t tilesDown, tilesAcross;

  // Staging.
  int64_t extraRows, extraColumns;  // beyond the tile's own, per phase: what the kernel reaches over
  int64_t stagedRow;                // floats from a row to the next
  int64_t stagedPhase;              // floats from a phase to the next
  int64_t stagedChannel;            // floats from a channel of the chunk to the next
  int64_t rowPhases, columnPhases;  // how many phases of the input some tap reads
  const int64_t* rowPhase;          // which ones they are
  const int64_t* columnPhase;
  /** True: a register block may run over the end of a row into the next (small planes). */
  bool flattened;
  /** True: outputs that no tap reaches, and so no phase has, are zero. */
  bool sparse;
  int64_t sumsRow;      // floats from an output row to the next in the buffer of sums
  int64_t sumsChannel;  // floats from an output channel to the next in the buffer of sums

  // The reduction: input channels in chunks, each of some taps. Output slice z belongs to `slices[z % stepDepth]`.
  int64_t chunkChannels;
  /** True: a tile's inputs stay in the nearest cache, so that each block of output channels is finished at once. */
  bool finishesBlocks;
  /** Products that are summed one after the other before they are added to the sums so far. */
  int64_t segment;
  const DirectSlices* slices;
};

/** One tile of some output channels of one group of one image. */
struct DirectTask {
  const DirectLayout* layout;
  const float* input;  // the group's first channel
  float* output;       // the first output plane of the task
  /**
   * Of the output slice's phases: [chunk of input channels][phase][block of output channels][channel of the chunk and
   * tap][channel of the block]; block b has channels b·n/blocks up to (b+1)·n/blocks.
   */
  const float* weights;
  int64_t channels;
  int64_t blocks;
  int64_t z, tileRow, tileColumn;
  /** Where the tile's moments go, one entry every `momentsStride` for each channel; null: not wanted. */
  TileMoments* moments;
  int64_t momentsStride;
  float* staged;
  float* sums;
};

/** A depthwise convolution of two dimensions, stride 1 along the rows; sizes of one plane. */
struct DepthwiseLayout {
  int64_t inHeight, inWidth;
  int64_t outHeight, outWidth;
  int64_t strideHeight;
  int64_t padHeight, padWidth;
  int border;
  int64_t taps;
  const int32_t* offsets;  // of each tap's input from the first one's, in the copy
  int64_t reach;           // input rows that an output row needs, those between its taps too
  int64_t copiedRow;       // floats of a copied row: padding, row, padding
  bool is3x3;              // neither dilated nor moving by more than one
};

/** Some rows of one output plane. */
struct DepthwiseTask {
  const DepthwiseLayout* layout;
  const float* input;    // the plane
  float* output;         // the plane
  const float* weights;  // one for each tap
  int64_t firstRow, endRow;
  TileMoments* moments;  // null: not wanted
  float* copied;         // room for the padded rows, and two vectors more
};

/** Vectors of tiles that are multiplied together. */
constexpr int kWinogradVectors = 3;

/**
 * Stride 1: F(4×4, 3×3) and F(6×6, 3×3). Strided and Transposed: 3×3 with stride 2, which splits the filter by phase.
 * Along an axis two taps meet the inputs (transposed: make the outputs) of one parity and the middle tap those of the
 * other. Two taps by F(4, 2) are 5 products for 4 outputs and the single tap 4, together 9 instead of 12, in two
 * dimensions 81 instead of 144.
 */
enum class WinogradKind { F4, F6, Strided, Transposed };

/** A tile along an axis. */
struct WinogradTile {
  int64_t inputs;
  int64_t inputStep;  // from a tile's first input to the next one's
  int64_t points;     // products
  int64_t filters;    // values of a transformed filter; by phase the middle tap's four points share one
  int64_t outputs;
};
// In the order of WinogradKind.
constexpr WinogradTile kWinogradTiles[] = {{6, 4, 6, 6, 4}, {8, 6, 8, 8, 6}, {9, 8, 9, 6, 4}, {5, 4, 9, 6, 8}};
constexpr const WinogradTile& winogradTile(WinogradKind kind) { return kWinogradTiles[static_cast<int>(kind)]; }

// Over depth, F(2, 3): four products for two slices of outputs, each of the sum or the difference of two input slices.
constexpr int kDepthInputs = 4;
constexpr int kDepthPoints = 4;
constexpr int kDepthOutputs = 2;

/** A 3×3 piece of one input channel's filter, and where its input lies relative to the output. */
struct WinogradSource {
  int64_t channel;
  int64_t depth, row, column;  // offsets that include the padding (negative)
};

/** A point of the transformed tiles, and which of the transformed filters it is multiplied with. */
struct WinogradPoint {
  int32_t point;
  int32_t filter;
};

/**
 * How Winograd's algorithms cut their output. A lane is a tile of outputs; a vector is kLanes tiles that follow each
 * other along the rows of tiles, over the ends of rows too.
 */
struct WinogradLayout {
  WinogradKind kind;
  /** True: F(2, 3) over depth, so that there are kDepthPoints times as many points, and kDepthOutputs slices a task. */
  bool nestsDepth;
  int64_t strideDepth;
  const WinogradPoint* points;  // those with the same filter follow each other
  int64_t pointCount;
  int64_t filterCount;
  int64_t inChannels;
  int64_t inDepth, inHeight, inWidth;
  int64_t outDepth, outHeight, outWidth;
  int64_t firstRow, endRow, firstColumn, endColumn;  // of the inputs, padding included
  int64_t tilesDown, tilesAcross;
  int64_t sliceVectors;  // vectors of one output slice
  int border;
  /** The pieces: input channels × kernel slices × 3×3 pieces of a larger kernel. */
  const WinogradSource* sources;
  int64_t sourceCount;
  int64_t inputPoint;      // floats from one point of the transformed inputs to the next
  int64_t productChannel;  // floats from one output channel's products to the next
  /** Output channels whose products are held at once. */
  int64_t chunkChannels;
};

/** Some vectors of tiles of one output slice (or kDepthOutputs of them), for some output channels of one image. */
struct WinogradTask {
  const WinogradLayout* layout;
  const float* input;   // the image
  const float* shifts;  // subtracted from the inputs of each of its channels, padding included
  float* output;        // the first output plane of the task
  /** [chunk of channels][filter][block of channels][source][channel of the block] */
  const float* weights;
  int64_t channels;
  int64_t z;
  int64_t firstVector;
  int64_t vectors;  // at most kWinogradVectors
  int64_t outputs;  // of all these tiles in one channel
  TileMoments* moments;
  int64_t momentsStride;
  float* transformed;
  float* products;
};

/** Applies (x − mean) × factor + offset, adds the residual and activates. `from` and `to` may be the same. */
struct NormalizeTask {
  const float* from;
  const float* residual;  // null: none
  float* to;
  int64_t count;
  float mean, factor, offset;
  /** 0: none, 1: Relu, 2: LeakyRelu with slope `alpha` below zero. */
  int activation;
  float alpha;
  /** True: `to` won't be read soon, so it is written past the caches, which then needn't read it from memory first. */
  bool stream;
};

struct Target {
  int lanes;
  /** Most output channels that a register block may have: of direct convolution, and of Winograd's products. */
  int blockChannels;
  int winogradBlockChannels;
  void (*convolveDirect)(const DirectTask&);
  void (*convolveWinograd)(const WinogradTask&);
  void (*convolveDepthwise)(const DepthwiseTask&);
  /** Mean and squared deviations of `count` floats. */
  TileMoments (*measureMoments)(const float* values, int64_t count);
  void (*normalize)(const NormalizeTask&);
};

}  // namespace fusionlens
