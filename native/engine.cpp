#include "engine.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>

#include "team.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

// Memory of a thread, kept from call to call.
class Workspace {
 public:
  void* take(std::size_t bytes) {
    if (bytes > size_ || size_ > kKept) {
      memory_.reset(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
      size_ = bytes;
      if (!memory_) {
        size_ = 0;
        throw std::bad_alloc();
      }
    }
    return memory_.get();
  }

  void* taken() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  static constexpr std::size_t kKept = std::size_t(1) << 25;
  std::unique_ptr<void, Free> memory_;
  std::size_t size_ = 0;
};

// Threads that meet after every stage of a step.
class Barrier {
 public:
  static void wait(void* self, int parts) { static_cast<Barrier*>(self)->wait(parts); }

 private:
  void wait(int parts) {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parts) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    // A stage lasts microseconds; where it takes longer, another process has the core.
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (spins < kSpins)
        pause();
      else
        sched_yield();
    }
  }

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  static constexpr int kSpins = 2000;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

// Registers a power of two apart would share cache sets.
constexpr std::ptrdiff_t kSkew = 320;

std::int32_t padded(std::int32_t width, std::int32_t panel) {
  return (width + panel - 1) / panel * panel;
}

template <class T>
class Plan {
 public:
  Plan(const Loop& loop, const LoopKernels& kernels, const Split& split)
      : loop_(loop), kernels_(kernels), split_(split) {
    pack();
    order();
    lay_out();
  }

  void run() {
    const int threads = split_.threads;
    totals_.assign(threads, std::vector<double>(totals_size_));
    if (split_.by_units) {
      Barrier barrier;
      shared_.take(shared_size(tiles_of(together(rows_.size()))) * sizeof(T));
      in_parallel(threads, [&](int number, int count) {
        for_groups(rows_, [&](const std::int64_t* rows, std::ptrdiff_t size) {
          group(rows, size, number, count, &barrier, number);
        });
      });
    } else {
      in_parallel(threads, [&](int number, int count) {
        for (int share = number; share < threads; share += count) {
          std::vector<std::int64_t> rows;  // every threads-th: each has long ones and short ones
          for (std::size_t i = share; i < rows_.size(); i += threads) rows.push_back(rows_[i]);
          for_groups(rows, [&](const std::int64_t* first, std::ptrdiff_t size) {
            group(first, size, 0, 1, nullptr, share);
          });
        }
      });
    }
    for (std::size_t k = 0; k < loop_.sums.size(); ++k) {
      const Sum& sum = loop_.sums[k];
      T* to = static_cast<T*>(loop_.arrays[sum.array].data);
      for (std::int32_t j = 0; j < sum.width; ++j) {
        double total = 0;
        for (const std::vector<double>& part : totals_) total += part[sums_[k] + j];
        to[j] = T(total);
      }
    }
  }

 private:
  void pack() {
    std::size_t total = 0;
    std::vector<std::size_t> at;
    for (const Matrix& m : loop_.matrices) {
      at.push_back(total);
      total += std::size_t(pitch(m.out)) * m.in;
    }
    static thread_local Workspace workspace;
    T* weights = static_cast<T*>(workspace.take(total * sizeof(T)));
    for (std::size_t k = 0; k < loop_.matrices.size(); ++k) {
      packed_.push_back(weights + at[k]);
      kernels_.pack(loop_.matrices[k], weights + at[k]);
    }
  }

  void order() {
    rows_.resize(loop_.batch);
    std::iota(rows_.begin(), rows_.end(), 0);
    if (loop_.lengths)
      std::stable_sort(rows_.begin(), rows_.end(), [this](std::int64_t a, std::int64_t b) {
        return loop_.lengths[a] > loop_.lengths[b];
      });
  }

  void lay_out() {
    const std::ptrdiff_t rows = split_.tile_rows;
    for (const RegisterSpec& r : loop_.registers) {
      const std::int32_t width = pitch(r.width);
      const bool shared = is_shared(r.life), blocks = r.life != Life::block;
      registers_.push_back({nullptr, shared ? rows * width : 0, blocks ? rows * split_.block : 0,
                            r.width, width});
      if (!shared)
        scratch_ += skewed(rows * (blocks ? width : std::min<std::ptrdiff_t>(width, split_.block)));
    }
    for (const Sum& s : loop_.sums) {
      sums_.push_back(totals_size_);
      totals_size_ += pitch(s.width);
    }
  }

  static bool is_shared(Life life) {
    return life == Life::step || life == Life::state || life == Life::next;
  }

  // Memory of the shared registers for so many tiles, in numbers.
  std::ptrdiff_t shared_size(std::ptrdiff_t tiles) const {
    std::ptrdiff_t size = 0;
    for (const Register& r : registers_)
      if (r.tile) size += skewed(tiles * r.tile);
    return size;
  }

  // Registers with their places; at odd steps `state` and `next` have changed theirs.
  std::vector<Register> placed(T* shared, T* scratch, std::ptrdiff_t tiles, bool odd) const {
    std::vector<Register> out = registers_;
    for (std::size_t k = 0; k < out.size(); ++k) {
      const Life life = loop_.registers[k].life;
      T*& from = is_shared(life) ? shared : scratch;
      out[k].at = from;
      const std::int32_t pitch = out[k].pitch;
      from += skewed(is_shared(life) ? tiles * out[k].tile
                     : life == Life::block
                         ? split_.tile_rows * std::min<std::ptrdiff_t>(pitch, split_.block)
                         : split_.tile_rows * pitch);
      if (odd && life == Life::next) std::swap(out[k].at, out[k - 1].at);
    }
    return out;
  }

  static std::ptrdiff_t skewed(std::ptrdiff_t numbers) {
    const std::ptrdiff_t bytes = numbers * std::ptrdiff_t(sizeof(T)) + kSkew;
    return (bytes + 63) / 64 * 64 / std::ptrdiff_t(sizeof(T));
  }

  std::ptrdiff_t tiles_of(std::ptrdiff_t rows) const {
    return (rows + split_.tile_rows - 1) / split_.tile_rows;
  }

  // Rows of a group, where so many rows are cut into groups of nearly one size.
  std::ptrdiff_t together(std::ptrdiff_t rows) const {
    const std::ptrdiff_t groups = (rows + split_.together - 1) / split_.together;
    return groups ? (rows + groups - 1) / groups : 0;
  }

  template <class F>
  void for_groups(const std::vector<std::int64_t>& rows, F f) const {
    const std::ptrdiff_t all = std::ptrdiff_t(rows.size()), size = together(all);
    for (std::ptrdiff_t first = 0; first < all; first += size)
      f(rows.data() + first, std::min(size, all - first));
  }

  void group(const std::int64_t* rows, std::ptrdiff_t count, int part, int parts,
             Barrier* barrier, int totals) {
    const std::ptrdiff_t tiles = tiles_of(count);
    const std::size_t bytes = shared_size(tiles) * sizeof(T);
    static thread_local Workspace scratch_space, shared_space;
    T* scratch = static_cast<T*>(scratch_space.take(scratch_ * sizeof(T)));
    T* shared = static_cast<T*>(parts > 1 ? shared_.taken() : shared_space.take(bytes));
    const std::vector<Register> even = placed(shared, scratch, tiles, false);
    const std::vector<Register> odd = placed(shared, scratch, tiles, true);
    std::memset(scratch, 0, scratch_ * sizeof(T));
    if (part == 0) {
      std::memset(shared, 0, bytes);
      fill_states(even, odd, rows, count);
    }
    for (const Preload& p : loop_.preloads)
      if (p.array < 0)
        std::fill_n(static_cast<T*>(even[p.to].at), split_.tile_rows * even[p.to].pitch,
                    T(p.value));
    if (parts > 1) Barrier::wait(barrier, parts);
    kernels_.run({loop_.instructions.data(), loop_.stages.data(),
                  std::int32_t(loop_.stages.size()), {even.data(), odd.data()},
                  loop_.arrays.data(), loop_.matrices.data(), packed_.data(),
                  loop_.restarts.data(), std::int32_t(loop_.restarts.size()),
                  loop_.finals.data(), std::int32_t(loop_.finals.size()), sums_.data(),
                  loop_.steps, loop_.batch, loop_.reverse, loop_.backward, loop_.restart_offset,
                  loop_.restart, loop_.lengths, rows, count, split_.tile_rows, split_.block,
                  totals_[totals].data(), part, parts,
                  &Barrier::wait, barrier});
    if (parts > 1) Barrier::wait(barrier, parts);
  }

  // Both halves: a row that begins late finds its state in whichever has its turn.
  void fill_states(const std::vector<Register>& even, const std::vector<Register>& odd,
                   const std::int64_t* rows, std::ptrdiff_t count) const {
    for (const Preload& p : loop_.preloads) {
      if (p.array < 0) continue;
      const Array& a = loop_.arrays[p.array];
      if (a.data == nullptr) continue;  // zero, as the registers are
      for (std::ptrdiff_t i = 0; i < count; ++i)
        for (const Register* r : {&even[p.to], &odd[p.to]}) {
          const T* from = static_cast<const T*>(a.data) + rows[i] * a.row;
          const std::ptrdiff_t tile = i / split_.tile_rows, row = i % split_.tile_rows;
          T* to = static_cast<T*>(r->at) + tile * r->tile;
          for (std::int32_t j = 0; j < r->width; j += std::int32_t(split_.block)) {
            const std::int32_t block = std::int32_t(split_.block);
            const std::int32_t pitch = std::min(block, r->pitch - j);
            std::memcpy(to + j * split_.tile_rows + row * pitch, from + j,
                        std::min(block, r->width - j) * sizeof(T));
          }
        }
    }
  }

  std::int32_t pitch(std::int32_t width) const { return padded(width, kernels_.panel); }

  const Loop& loop_;
  const LoopKernels& kernels_;
  const Split split_;
  std::vector<const void*> packed_;
  std::vector<std::int64_t> rows_;
  std::vector<Register> registers_;
  std::ptrdiff_t scratch_ = 0;
  std::vector<std::ptrdiff_t> sums_;
  std::ptrdiff_t totals_size_ = 0;
  std::vector<std::vector<double>> totals_;
  Workspace shared_;
};

}  // namespace

Split choose_split(const Loop& loop, std::int32_t panel, int threads) {
  // Measured on two cores with 512 KiB of second-level cache each, see benchmarks/.
  constexpr std::ptrdiff_t kBlock = 64, kTileRows = 16, kTogether = 48;
  constexpr std::ptrdiff_t kRowsForAThread = 4;
  constexpr double kStepForThreads = 32e3, kCallForThreads = 8e6;  // multiply-adds
  double step = 0;
  for (const Matrix& m : loop.matrices) step += double(m.in) * m.out;
  step *= double(loop.batch);
  std::int32_t units = 0;
  for (const Stage& stage : loop.stages) units = std::max(units, padded(stage.width, panel));
  Split split{1, false, 0, kBlock, kTogether};
  const std::ptrdiff_t rows_each = loop.batch / std::max(threads, 1);
  if (threads > 1 && rows_each >= kRowsForAThread) {
    split.threads = threads;
  } else if (loop.batch >= 2 * kRowsForAThread) {
    split.threads = int(loop.batch / kRowsForAThread);
  } else if (threads > 1 && units >= 2 * panel && step >= kStepForThreads &&
             step * double(loop.steps) >= kCallForThreads) {
    split.by_units = true;
    split.threads = int(std::min<std::ptrdiff_t>(threads, units / panel));
    split.block = std::clamp<std::ptrdiff_t>(
        padded(std::int32_t((units + split.threads - 1) / split.threads), panel), panel, kBlock);
  }
  const std::ptrdiff_t rows =
      split.by_units ? loop.batch : (loop.batch + split.threads - 1) / split.threads;
  const std::ptrdiff_t groups = (rows + kTogether - 1) / kTogether;
  const std::ptrdiff_t group = groups ? (rows + groups - 1) / groups : 1;
  const std::ptrdiff_t tiles = (group + kTileRows - 1) / kTileRows;
  split.tile_rows = tiles ? (group + tiles - 1) / tiles : 1;
  return split;
}

template <class T>
void run_loop(const Loop& loop, const LoopKernels& kernels, const Split& split) {
  if (loop.batch == 0) {
    for (const Sum& s : loop.sums)
      std::fill_n(static_cast<T*>(loop.arrays[s.array].data), s.width, T(0));
    return;
  }
  Plan<T>(loop, kernels, split).run();
}

template void run_loop<float>(const Loop&, const LoopKernels&, const Split&);
template void run_loop<double>(const Loop&, const LoopKernels&, const Split&);

}  // namespace throughtime
