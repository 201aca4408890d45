// Random problems against the reference, natively, for the sanitizers: every buffer has exactly its size, so that one
// float read too far is an error. Built and run by stress.ts.
//
//   stress COUNT       that many problems
//   stress leak RUNS   that many runs of some plans, made anew all along; fails where memory keeps growing
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "dispatch.h"
#include "fused_convolution.h"
#include "reference.h"
#include "residual.h"

using namespace fusionlens;

namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int64_t between(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(engine_); }
  bool chance(double p) { return std::uniform_real_distribution<double>()(engine_) < p; }
  std::unique_ptr<float[]> floats(int64_t count) {
    std::normal_distribution<float> normal;
    std::unique_ptr<float[]> values(new float[static_cast<size_t>(count)]);
    for (int64_t i = 0; i < count; i++) values[static_cast<size_t>(i)] = normal(engine_);
    return values;
  }

 private:
  std::mt19937 engine_;
};

/** The same sizes as a transposed convolution, with any output that its taps can reach, or some more. */
void transpose(Convolution& c, Random& random) {
  c.transposed = true;
  for (int64_t Extent::* axis : {&Extent::depth, &Extent::height, &Extent::width}) {
    const int64_t stride = c.stride.*axis;
    c.input.*axis = std::max<int64_t>(1, c.input.*axis / stride);
    const int64_t full = (c.input.*axis - 1) * stride + (c.kernel.*axis - 1) * (c.dilation.*axis) + 1;
    if (full == 1 && stride == 1) {
      c.padBegin.*axis = 0;
      continue;
    }
    c.padBegin.*axis = std::min(c.padBegin.*axis, full - 1);
    c.transposedOutput.*axis = std::max<int64_t>(1, full - c.padBegin.*axis - random.between(0, 2) + random.between(0, stride - 1));
  }
}

/** A residual for the output, of a random broadcast shape, and what it is for each output. */
struct RandomResidual {
  std::unique_ptr<float[]> data;
  std::vector<float> expanded;
  Residual residual;

  RandomResidual(const Convolution& c, Random& random) {
    const Extent out = c.output();
    const std::vector<int64_t> output = {c.batch, c.outChannels, out.depth, out.height, out.width};
    std::vector<int64_t> shape = output;
    const bool broadcast = random.chance(0.5);
    int64_t count = 1;
    for (int64_t& size : shape) {
      if (broadcast && random.chance(0.5)) size = 1;
      count *= size;
    }
    data = random.floats(count);
    residual = *broadcastResidual(data.get(), shape, output);
    expanded.resize(static_cast<size_t>(c.outputElements()));
    const std::vector<float> zeros(expanded.size());
    addBroadcast(zeros.data(), output, data.get(), shape, expanded.data());
  }
};

Convolution randomConvolution(Random& random) {
  Convolution c;
  const bool plain = random.chance(0.5);
  const bool depthwise = random.chance(0.2);
  const int64_t dimensions = random.between(1, 3);
  const auto axis = [&](bool present, int64_t least, int64_t most) { return present ? random.between(least, most) : 1; };
  const auto extent = [&](int64_t least, int64_t most) {
    return Extent{axis(dimensions == 3, least, most), axis(dimensions >= 2, least, most), random.between(least, most)};
  };
  c.batch = random.between(1, 2);
  c.groups = depthwise ? random.between(2, 9) : plain ? 1 : random.between(1, 3);
  c.inChannels = c.groups * (depthwise ? 1 : random.between(1, random.chance(0.8) ? 8 : 80));
  c.outChannels = c.groups * (depthwise ? random.between(1, 2) : random.between(1, random.chance(0.8) ? 14 : 70));
  c.kernel = extent(1, random.chance(0.8) ? 3 : 7);
  if (!plain) {
    c.stride = extent(1, 3);
    c.dilation = extent(1, 3);
  }
  const int64_t pad = random.chance(0.9) ? 2 : 9;
  c.padBegin = {axis(dimensions == 3, 0, pad), dimensions >= 2 ? random.between(0, pad) : 0, random.between(0, pad)};
  c.padEnd = {dimensions == 3 ? random.between(0, pad) : 0, dimensions >= 2 ? random.between(0, pad) : 0,
              random.between(0, pad)};
  if (dimensions < 3) c.padBegin.depth = 0;
  if (!depthwise && random.chance(0.2)) {
    // What Winograd's algorithm does by stride phase.
    c.groups = 1;
    if (dimensions >= 2) c.kernel.height = c.kernel.width = 3;
    c.stride = {1, dimensions >= 2 ? 2 : 1, 2};
    c.dilation = {1, 1, 1};
    if (random.chance(0.5)) c.padBegin.height = c.padBegin.width = dimensions >= 2 ? 1 : 0;
  }
  if (!depthwise && dimensions == 3 && random.chance(0.3)) {
    // What it does over depth.
    c.groups = 1;
    c.kernel = {3, 3, 3};
    c.stride = c.dilation = {1, 1, 1};
  }
  const auto size = [&](bool present, int64_t kernel, int64_t dilation, int64_t begin, int64_t end, int64_t most) {
    if (!present) return int64_t{1};
    return std::max<int64_t>(1, (kernel - 1) * dilation + 1 - begin - end) + random.between(0, most);
  };
  c.input = {size(dimensions == 3, c.kernel.depth, c.dilation.depth, c.padBegin.depth, c.padEnd.depth, 5),
             size(dimensions >= 2, c.kernel.height, c.dilation.height, c.padBegin.height, c.padEnd.height, 30),
             size(true, c.kernel.width, c.dilation.width, c.padBegin.width, c.padEnd.width, 70)};
  const double form = random.between(0, 99) / 100.0;
  if (form < 0.3) {
    transpose(c, random);
  } else if (form < 0.5) {
    c.border = form < 0.4 ? Border::Reflect : Border::Edge;
    for (int64_t Extent::* axis : {&Extent::depth, &Extent::height, &Extent::width}) {
      const int64_t reach = (c.kernel.*axis - 1) * (c.dilation.*axis) + 1;
      c.padBegin.*axis = std::min(c.padBegin.*axis, c.input.*axis - 1);
      c.padEnd.*axis = std::min(c.padEnd.*axis, c.input.*axis - 1);
      c.input.*axis = std::max(c.input.*axis, reach);
    }
  }
  return c;
}

bool agrees(const Convolution& c, Random& random, unsigned seed, double& worst, double& worstExact) {
  const auto x = random.floats(c.inputElements());
  // Channels whose mean is far from zero are shifted.
  const int64_t size = c.input.volume();
  for (int64_t channel = 0; channel < c.batch * c.inChannels; channel++) {
    const float mean = random.chance(0.3) ? static_cast<float>(random.between(-5, 5)) : 0;
    for (int64_t i = 0; i < size; i++) x[static_cast<size_t>(channel * size + i)] += mean;
  }
  const auto weights = random.floats(c.weightElements());
  const auto scale = random.floats(c.outChannels);
  const auto bias = random.floats(c.outChannels);
  Normalization normalization;
  normalization.activation = static_cast<Activation>(random.between(0, 2));
  std::unique_ptr<RandomResidual> added;
  if (random.chance(0.3)) added = std::make_unique<RandomResidual>(c, random);
  const size_t outputs = static_cast<size_t>(c.outputElements());
  std::vector<double> expected(outputs);
  referenceConvolveNormalize(c, normalization, x.get(), weights.get(), scale.get(), bias.get(),
                             added ? added->expanded.data() : nullptr, expected.data());
  double magnitude = 1e-3;  // where an activation leaves nothing
  for (const double value : expected) magnitude = std::max(magnitude, std::fabs(value));
  // Planes of very few elements can have a deviation that is all rounding.
  const double tolerance = c.output().volume() < 8 ? 0.05 : 2e-3;
  static ThreadPool pool(3);
  for (const InstructionSet set : availableInstructionSets()) {
    for (const AlgorithmChoice choice :
         {AlgorithmChoice::Fastest, AlgorithmChoice::Direct, AlgorithmChoice::Winograd, AlgorithmChoice::WinogradF4,
          AlgorithmChoice::WinogradF6, AlgorithmChoice::WinogradDepth, AlgorithmChoice::Depthwise}) {
      std::unique_ptr<FusedConvolution> plan;
      try {
        plan = std::make_unique<FusedConvolution>(c, normalization, weights.get(), scale.get(), bias.get(), set, choice);
      } catch (const std::invalid_argument&) {
        continue;  // this algorithm can't do this layer
      }
      for (const int threads : {1, 3}) {
        for (const Fusion fusion : {Fusion::Fused, Fusion::Unfused}) {
          std::unique_ptr<float[]> y(new float[outputs]);
          plan->run(x.get(), y.get(), pool, threads, fusion, added ? &added->residual : nullptr);
          double error = 0;
          for (size_t i = 0; i < outputs; i++) {
            const double difference = std::fabs(static_cast<double>(y[i]) - expected[i]);
            if (!(difference <= error)) error = difference;
          }
          error /= magnitude;
          if (c.output().volume() >= 64) {
            worst = std::max(worst, error);
            if (plan->algorithm()[0] != 'w') worstExact = std::max(worstExact, error);
          }
          if (!(error <= tolerance)) {
            const auto print = [](const char* name, const Extent& e) {
              std::fprintf(stderr, " %s %dx%dx%d", name, static_cast<int>(e.depth), static_cast<int>(e.height),
                           static_cast<int>(e.width));
            };
            std::fprintf(stderr, "seed %u, %s, %s, %d threads: error %g; %d>%d channels in %d groups", seed, nameOf(set),
                         plan->algorithm(), threads, error, static_cast<int>(c.inChannels),
                         static_cast<int>(c.outChannels), static_cast<int>(c.groups));
            print("input", c.input);
            print("kernel", c.kernel);
            print("stride", c.stride);
            print("dilation", c.dilation);
            std::fprintf(stderr, " %s border %d", c.transposed ? "transposed" : "", static_cast<int>(c.border));
            if (c.transposed) print("to", c.transposedOutput);
            print("pads", c.padBegin);
            print("and", c.padEnd);
            std::fprintf(stderr, "\n");
            return false;
          }
        }
      }
    }
  }
  return true;
}

/** Resident memory in KiB; 0 where the system doesn't say. */
long residentKilobytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long pages = 0;
  if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages * 4;
}

int checkForLeaks(unsigned runs) {
  ThreadPool pool(2);
  long settled = 0;
  for (unsigned run = 0; run < runs; run++) {
    // The same twenty small problems again and again, each with a plan of its own.
    Random random(1 + run % 20);
    Convolution c = randomConvolution(random);
    if (!c.check().empty()) continue;
    const auto x = random.floats(c.inputElements());
    const auto weights = random.floats(c.weightElements());
    const auto scale = random.floats(c.outChannels);
    std::vector<float> y(static_cast<size_t>(c.outputElements()));
    FusedConvolution plan(c, Normalization(), weights.get(), scale.get(), scale.get(), availableInstructionSets().front());
    plan.run(x.get(), y.data(), pool, 2, run % 2 == 0 ? Fusion::Fused : Fusion::Unfused);
    if (run == runs / 4) settled = residentKilobytes();
  }
  const long end = residentKilobytes();
  std::printf("%u runs: %ld KiB resident after a quarter of them, %ld KiB at the end\n", runs, settled, end);
  constexpr long kSlack = 2048;
  return end > settled + kSlack ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "leak") == 0) return checkForLeaks(static_cast<unsigned>(std::atoi(argv[2])));
  const unsigned count = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 200;
  double worst = 0;
  double worstExact = 0;
  for (unsigned seed = 1; seed <= count; seed++) {
    Random random(seed);
    const Convolution c = randomConvolution(random);
    const std::string problem = c.check();
    if (!problem.empty()) continue;
    if (!agrees(c, random, seed, worst, worstExact)) return 1;
  }
  std::printf("%u problems; largest error relative to the output's scale: %.1e, without Winograd %.1e\n", count, worst,
              worstExact);
  return 0;
}
