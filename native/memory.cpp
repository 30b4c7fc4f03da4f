#include "memory.h"

#include <pthread.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace throughtime {
namespace {

constexpr std::size_t kHugePage = std::size_t(1) << 21;
constexpr std::size_t kKept = std::size_t(1) << 30;

// Free blocks by size, and the sizes of all. Never freed: blocks outlive static objects.
struct Pool {
  std::mutex mutex;
  std::multimap<std::size_t, void*> free;
  std::map<void*, std::size_t> sizes;
  std::size_t kept = 0;

  // The largest go first.
  void shrink(std::size_t limit) {
    while (kept > limit) {
      const auto last = std::prev(free.end());
      kept -= last->first;
      sizes.erase(last->second);
      std::free(last->second);
      free.erase(last);
    }
  }
};

Pool* pool = new Pool;

// A child of fork keeps the blocks it has, and may find the lock taken by nobody: hold it over fork.
[[maybe_unused]] const int registered =
    pthread_atfork([] { pool->mutex.lock(); }, [] { pool->mutex.unlock(); },
                   [] { pool->mutex.unlock(); });

}  // namespace

void* borrow(std::size_t bytes) {
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  std::lock_guard lock(pool->mutex);
  const auto smallest = pool->free.lower_bound(bytes);
  if (smallest != pool->free.end() && smallest->first <= bytes + bytes / 4) {
    void* block = smallest->second;
    pool->kept -= smallest->first;
    pool->free.erase(smallest);
    return block;
  }
  void* block = std::aligned_alloc(kHugePage, bytes);
  if (block == nullptr) {
    pool->shrink(0);
    block = std::aligned_alloc(kHugePage, bytes);
    if (block == nullptr) throw std::bad_alloc();
  }
#if defined(__linux__)
  madvise(block, bytes, MADV_HUGEPAGE);
#endif
  pool->sizes[block] = bytes;
  return block;
}

void give_back(void* block) noexcept {
  std::lock_guard lock(pool->mutex);
  const std::size_t bytes = pool->sizes[block];
  pool->free.emplace(bytes, block);
  pool->kept += bytes;
  pool->shrink(kKept);
}

void release() noexcept {
  std::lock_guard lock(pool->mutex);
  pool->shrink(0);
}

std::size_t kept() noexcept {
  std::lock_guard lock(pool->mutex);
  return pool->kept;
}

}  // namespace throughtime
