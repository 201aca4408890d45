#include "thread_pool.h"

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace fusionlens {
namespace {

// About 20 to 50 µs, the time that it takes to wake a sleeping thread.
constexpr int kSpins = 1000;

inline void pauseWhileSpinning() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(_M_X64) || defined(_M_IX86)
  _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

void Team::barrier() {
  if (size_ == 1) {
    next_.store(0, std::memory_order_relaxed);
    return;
  }
  const uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    next_.store(0, std::memory_order_relaxed);
    arrived_.store(0, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      generation_.store(generation + 1, std::memory_order_release);
    }
    released_.notify_all();
    return;
  }
  for (int i = 0; i < kSpins; i++) {
    if (generation_.load(std::memory_order_acquire) != generation) return;
    pauseWhileSpinning();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  released_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != generation; });
}

ThreadPool::ThreadPool(int threads) {
  for (int thread = 1; thread < threads; thread++) {
    workers_.emplace_back([this, thread] { workerLoop(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int wanted, const Work& work) {
  std::unique_lock<std::mutex> oneRunAtATime(runMutex_, std::try_to_lock);
  const int most = oneRunAtATime.owns_lock() ? threads() : 1;
  const int size = wanted < 1 ? 1 : wanted > most ? most : wanted;
  Team team(size);
  if (size == 1) {
    work(team, 0);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    team_ = &team;
    running_ = size - 1;
    run_++;
  }
  start_.notify_all();
  work(team, 0);
  std::unique_lock<std::mutex> lock(mutex_);
  finished_.wait(lock, [this] { return running_ == 0; });
  work_ = nullptr;
  team_ = nullptr;
}

void ThreadPool::workerLoop(int thread) {
  uint64_t seen = 0;
  for (;;) {
    const Work* work = nullptr;
    Team* team = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || run_ != seen; });
      if (stopping_) return;
      seen = run_;
      if (team_ == nullptr || thread >= team_->size()) continue;
      work = work_;
      team = team_;
    }
    (*work)(*team, thread);
    bool last = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      last = --running_ == 0;
    }
    if (last) finished_.notify_one();
  }
}

}  // namespace fusionlens
