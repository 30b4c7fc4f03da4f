// A call laid out: weights packed, registers given their memory, rows and units their threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include "engine.h"
#include "interrupt.h"
#include "team.h"

namespace throughtime {

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

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  static constexpr std::size_t kKept = std::size_t(1) << 25;
  std::unique_ptr<void, Free> memory_;
  std::size_t size_ = 0;
};

inline std::ptrdiff_t shared_out(std::ptrdiff_t count, std::ptrdiff_t among) {
  return (count + among - 1) / among;
}

// Registers a power of two apart would share cache sets.
constexpr std::ptrdiff_t kSkew = 320;

inline std::int32_t padded(std::int32_t width, std::int32_t to) {
  return (width + to - 1) / to * to;
}

template <class T>
class Plan {
 public:
  // All are to outlive the plan; `packed` gets the weights, if it is there; `interruption` may be null.
  Plan(const Loop& loop, const LoopKernels& kernels, const Split& split, Workspace* packed,
       Interruption* interruption)
      : loop_(loop),
        kernels_(kernels),
        split_(split),
        rows_in_lanes_(split.block == 0),
        interruption_(interruption) {
    if (rows_in_lanes_) {  // all units in one block, whole panels of rows in a tile
      split_.block = std::numeric_limits<std::int32_t>::max();
      split_.tile_rows = padded(std::int32_t(split_.tile_rows), kernels_.panel);
    }
    pack(packed);
    order();
    lay_out();
  }

  void run() {
    const int threads = split_.threads;
    if (split_.by_units) {
      copies_ = tiles_of(together(rows_.size()));
      totals_.assign(copies_ * totals_size_, 0.0);
      for_groups(rows_, [&](const std::int64_t* rows, std::ptrdiff_t count) {
        shared_group(rows, count);
      });
    } else {
      copies_ = threads;
      totals_.assign(copies_ * totals_size_, 0.0);
      in_parallel(threads, [&](int number, int of) {
        for (int share = number; share < threads; share += of) {
          for_groups(rows_of(share), [&](const std::int64_t* first, std::ptrdiff_t count) {
            own_group(first, count, totals_.data() + share * totals_size_);
          });
        }
      }, interruption_);
    }
    add_up();
  }

 private:
  // Rows of a thread. Of several lengths every so many-th, so that each has long ones and short
  // ones; of one length neighbours, so that no two write to one line of the cache.
  std::vector<std::int64_t> rows_of(int share) const {
    std::vector<std::int64_t> rows;
    const std::size_t threads = split_.threads;
    if (loop_.lengths) {
      for (std::size_t i = share; i < rows_.size(); i += threads) rows.push_back(rows_[i]);
      return rows;
    }
    std::size_t each = shared_out(rows_.size(), threads);
    if (rows_in_lanes_) each = padded(std::int32_t(each), kernels_.panel);
    const auto at = [&](std::size_t i) { return rows_.begin() + std::min(i * each, rows_.size()); };
    rows.assign(at(share), at(share + 1));
    return rows;
  }

  void pack(Workspace* workspace) {
    packed_.assign(loop_.matrices.size(), nullptr);
    if (!workspace) return;
    std::size_t total = 0;
    std::vector<std::size_t> at;
    for (const Matrix& m : loop_.matrices) {
      at.push_back(total);
      total += std::size_t(pitch(m.out)) * m.in;
    }
    T* weights = static_cast<T*>(workspace->take(total * sizeof(T)));
    std::vector<std::pair<Matrix, T*>> pieces;
    for (std::size_t k = 0; k < loop_.matrices.size(); ++k) {
      const Matrix& m = loop_.matrices[k];
      packed_[k] = weights + at[k];
      if (rows_in_lanes_) {
        lay_rows(m, weights + at[k]);
        continue;
      }
      const std::int32_t size = 4 * kernels_.panel;
      for (std::int32_t j = 0; j < m.out; j += size) {
        const T* from = static_cast<const T*>(m.data) + j * m.out_stride;
        pieces.push_back({{from, m.out_stride, m.in_stride, std::min(size, m.out - j), m.in},
                          weights + at[k] + std::ptrdiff_t(j) * m.in});
      }
    }
    constexpr std::size_t kForThreads = 1 << 15;  // numbers
    std::atomic<std::size_t> next = 0;
    in_parallel(total < kForThreads ? 1 : split_.threads, [&](int, int) {
      for (std::size_t i; (i = next.fetch_add(1)) < pieces.size();)
        kernels_.pack(pieces[i].first, pieces[i].second);
    });
  }

  // to (out, in), as `multiply_in_lanes` reads it.
  static void lay_rows(const Matrix& m, T* to) {
    const T* from = static_cast<const T*>(m.data);
    for (std::int32_t j = 0; j < m.out; ++j)
      for (std::int32_t k = 0; k < m.in; ++k)
        *to++ = from[j * m.out_stride + k * m.in_stride];
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
    return shared_out(rows, split_.tile_rows);
  }

  // Rows of a group, where so many rows are cut into groups of nearly one size.
  std::ptrdiff_t together(std::ptrdiff_t rows) const {
    const std::ptrdiff_t groups = shared_out(rows, split_.together);
    return groups ? shared_out(rows, groups) : 0;
  }

  template <class F>
  void for_groups(const std::vector<std::int64_t>& rows, F f) const {
    const std::ptrdiff_t all = std::ptrdiff_t(rows.size()), size = together(all);
    for (std::ptrdiff_t first = 0; first < all; first += size) {
      if (interruption_ && interruption_->ended()) return;
      f(rows.data() + first, std::min(size, all - first));
    }
  }

  static T* zeros(Workspace& workspace, std::ptrdiff_t numbers) {
    const std::size_t bytes = numbers * sizeof(T);
    return static_cast<T*>(std::memset(workspace.take(bytes), 0, bytes));
  }

  // Rows of one thread.
  void own_group(const std::int64_t* rows, std::ptrdiff_t count, double* totals) const {
    static thread_local Workspace workspace;
    T* shared = zeros(workspace, shared_size(tiles_of(count)));
    run_group(shared, rows, count, totals, 0, 1, nullptr);
  }

  // Rows of all threads: each does some of the units.
  void shared_group(const std::int64_t* rows, std::ptrdiff_t count) {
    static thread_local Workspace workspace;
    T* shared = zeros(workspace, shared_size(tiles_of(count)));
    std::ptrdiff_t tasks = tiles_of(count);
    for (const Stage& stage : loop_.stages)
      tasks = std::max(tasks, shared_out(pitch(stage.width), split_.block));
    std::vector<PhaseBoard::Claim> claims(tasks, PhaseBoard::Claim{0});
    PhaseBoard board{0, claims.data(), &idle};
    in_parallel(split_.threads, [&](int number, int of) {
      run_group(shared, rows, count, totals_.data(), number, of, &board);
    }, interruption_);
  }

  void run_group(T* shared, const std::int64_t* rows, std::ptrdiff_t count, double* totals,
                 int part, int parts, PhaseBoard* board) const {
    static thread_local Workspace workspace;
    T* scratch = zeros(workspace, scratch_);
    const std::vector<Register> even = placed(shared, scratch, tiles_of(count), false);
    const std::vector<Register> odd = placed(shared, scratch, tiles_of(count), true);
    fill_constants(even);
    kernels_.run(group(even, odd, rows, count, totals, part, parts, board));
  }

  void fill_constants(const std::vector<Register>& registers) const {
    for (const Constant& c : loop_.constants)
      std::fill_n(static_cast<T*>(registers[c.to].at), split_.tile_rows * registers[c.to].pitch,
                  T(c.value));
  }

  RowGroup group(const std::vector<Register>& even, const std::vector<Register>& odd,
              const std::int64_t* rows, std::ptrdiff_t count, double* totals, int part, int parts,
              PhaseBoard* board) const {
    return {.instructions = loop_.instructions.data(),
            .stages = loop_.stages.data(),
            .stage_count = std::int32_t(loop_.stages.size()),
            .registers = {even.data(), odd.data()},
            .arrays = loop_.arrays.data(),
            .matrices = loop_.matrices.data(),
            .packed = packed_.data(),
            .starts = loop_.starts.data(),
            .start_count = std::int32_t(loop_.starts.size()),
            .restarts = loop_.restarts.data(),
            .restart_count = std::int32_t(loop_.restarts.size()),
            .finals = loop_.finals.data(),
            .final_count = std::int32_t(loop_.finals.size()),
            .sums = sums_.data(),
            .steps = loop_.steps,
            .batch = loop_.batch,
            .reverse = loop_.reverse,
            .backward = loop_.backward,
            .restart_offset = loop_.restart_offset,
            .restart = loop_.restart,
            .lengths = loop_.lengths,
            .rows = rows,
            .count = count,
            .tile_rows = split_.tile_rows,
            .block = split_.block,
            .rows_in_lanes = rows_in_lanes_,
            .totals = totals,
            .totals_of_tile = split_.by_units ? totals_size_ : 0,
            .part = part,
            .parts = parts,
            .board = board,
            .interrupt = interruption_,
            .asks = interruption_ && interruption_->asks()};
  }

  // The sums of all threads or tiles, in their order.
  void add_up() const {
    for (std::size_t k = 0; k < loop_.sums.size(); ++k) {
      const Sum& sum = loop_.sums[k];
      T* to = static_cast<T*>(loop_.arrays[sum.array].data);
      for (std::int32_t j = 0; j < sum.width; ++j) {
        double total = 0;
        for (std::ptrdiff_t c = 0; c < copies_; ++c) total += totals_[c * totals_size_ + sums_[k] + j];
        to[j] = T(total);
      }
    }
  }

  std::int32_t pitch(std::int32_t width) const {
    return rows_in_lanes_ ? width : padded(width, kernels_.lanes);
  }

  template <class U>
  friend class StreamState;

  const Loop& loop_;
  const LoopKernels& kernels_;
  Split split_;
  const bool rows_in_lanes_;
  Interruption* const interruption_;
  std::vector<const void*> packed_;
  std::vector<std::int64_t> rows_;
  std::vector<Register> registers_;
  std::ptrdiff_t scratch_ = 0;
  std::vector<std::ptrdiff_t> sums_;
  std::ptrdiff_t totals_size_ = 0;
  std::ptrdiff_t copies_ = 1;
  std::vector<double> totals_;  // (copies, totals_size)
};

}  // namespace throughtime
