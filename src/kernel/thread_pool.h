// A pool of threads that run one function together and sleep otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fusionlens {

/** What the threads of one `ThreadPool::run` share: loops and barriers. Every member must make the same calls. */
class Team {
 public:
  explicit Team(int size) : size_(size) {}
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  /** Runs `body(i)` once for each i below `count`, spread over the team as threads become free, then waits for all. */
  template <typename Body>
  void forEach(size_t count, Body&& body) {
    for (size_t i = next_.fetch_add(1, std::memory_order_relaxed); i < count;
         i = next_.fetch_add(1, std::memory_order_relaxed)) {
      body(i);
    }
    barrier();
  }

 private:
  /** Returns when all members have arrived; resets the loop counter for the next loop. */
  void barrier();

  const int size_;
  std::atomic<size_t> next_{0};
  std::atomic<int> arrived_{0};
  std::atomic<uint32_t> generation_{0};
  std::mutex mutex_;
  std::condition_variable released_;
};

/**
 * Threads are started once and block on a condition variable between runs, so that an idle pool costs nothing to
 * whatever runs next. Within a run a thread that waits at a barrier spins for some microseconds first: the phases of
 * a convolution follow each other faster than a sleeping thread wakes up.
 */
class ThreadPool {
 public:
  using Work = std::function<void(Team&, int thread)>;

  /** `threads` includes the caller of `run`; less than 1 counts as 1. */
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /**
   * Runs `work` on `threads` threads (at most the pool's), the calling one included, and returns when all are done.
   * `work` must not throw. While the pool is busy with another caller's work, `work` runs on the calling thread alone.
   */
  void run(int threads, const Work& work);

 private:
  void workerLoop(int thread);

  std::mutex runMutex_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable finished_;
  const Work* work_ = nullptr;
  Team* team_ = nullptr;
  uint64_t run_ = 0;
  int running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace fusionlens
