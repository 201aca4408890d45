// What the driver needs of a convolution algorithm: output channels in units, units in tiles.
#pragma once

#include <cstddef>
#include <cstdint>

#include "convolution.h"
#include "targets/target.h"

namespace fusionlens {

/** Output channels of one group of one image that an algorithm computes together, from one staging of the input. */
struct Unit {
  int64_t image;
  int64_t group;
  int64_t firstChannel;  // within the group
  int64_t channels;
};

/** What all tiles of a run read. */
struct Input {
  const float* x;  // the whole tensor
  /** For each channel of each image, subtracted from it where the algorithm does so. */
  const float* shifts;
};

class Algorithm {
 public:
  virtual ~Algorithm() = default;

  virtual const char* name() const = 0;
  /** Output channels of a unit; the last unit of a group may have fewer. */
  virtual int64_t channelsPerUnit() const = 0;
  virtual int64_t tilesPerUnit() const = 0;
  /** Outputs of tile `tile` in one plane. */
  virtual int64_t tileElements(int64_t tile) const = 0;
  /** Floats that `convolveTile` needs for itself, aligned to a cache line. */
  virtual size_t scratchFloats() const = 0;
  /**
   * True: subtracts `Input::shifts`, also from padding. This changes each output plane by a constant, which the
   * normalisation takes away again, and keeps rounding errors small where a channel's mean is far from zero.
   */
  virtual bool subtractsShifts() const { return false; }
  /**
   * Writes one tile of the unit's planes, which follow each other from `planes` on. With
   * `moments`, entry `[channel of the unit × momentsStride]` receives the tile's moments.
   */
  virtual void convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes, TileMoments* moments,
                            int64_t momentsStride, float* scratch) const = 0;
};

}  // namespace fusionlens
