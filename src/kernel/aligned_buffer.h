// A block of floats aligned to a cache line.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace fusionlens {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /** Zero-filled, so that nothing ever computes with what the memory held before. */
  explicit AlignedBuffer(size_t floats) : size_(floats) {
    if (floats == 0) return;
    data_ = static_cast<float*>(::operator new(floats * sizeof(float), kAlignment));
    std::memset(data_, 0, floats * sizeof(float));
  }
  ~AlignedBuffer() { release(); }
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  float* data() { return data_; }
  const float* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kAlignment{64};

  void release() {
    if (data_ != nullptr) ::operator delete(data_, kAlignment);
  }

  float* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace fusionlens
