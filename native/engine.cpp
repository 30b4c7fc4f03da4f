#include "engine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>

#include "team.h"

namespace throughtime {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<void, Free>;

Memory allocate(std::size_t bytes) {
  void* p = std::aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (p == nullptr) throw std::bad_alloc();
  return Memory(p);
}

// Numbers in a chunk of a register: small enough that a program's registers share the first-level
// cache, large enough that decoding an instruction costs little.
constexpr std::ptrdiff_t kChunk = 256;
// Rows that go through time together: a panel of weights in the cache is used for all of them.
constexpr std::ptrdiff_t kTileRows = 48;
// Registers a power of two apart would share cache sets.
constexpr std::ptrdiff_t kSkew = 320;

template <class T>
class Plan {
 public:
  Plan(const Loop& loop, const LoopKernels& kernels) : loop_(loop), kernels_(kernels) {
    pack();
    group();
    order();
  }

  void run(int threads) {
    // A thread's rows are every threads-th, so that each has long and short ones.
    const std::ptrdiff_t batch = loop_.batch;
    const int used = int(std::clamp<std::ptrdiff_t>(batch / kRowsForAThread, 1, threads));
    const std::ptrdiff_t share = (batch + used - 1) / used;
    const std::ptrdiff_t tiles = (share + kTileRows - 1) / kTileRows;
    const std::ptrdiff_t size = (share + tiles - 1) / tiles;
    lay_out(size);
    in_parallel(used, [&](int number) {
      std::vector<std::int64_t> rows;
      for (std::ptrdiff_t i = number; i < batch; i += used) rows.push_back(rows_[i]);
      Memory arena = allocate(arena_bytes_);
      for (std::size_t first = 0; first < rows.size(); first += size)
        tile(rows.data() + first, std::min<std::ptrdiff_t>(size, rows.size() - first),
             static_cast<T*>(arena.get()));
    });
  }

 private:
  static constexpr std::ptrdiff_t kRowsForAThread = 4;

  void pack() {
    std::size_t total = 0;
    std::vector<std::size_t> at;
    for (const Matrix& m : loop_.matrices) {
      at.push_back(total);
      total += std::size_t(pitch(m.out)) * m.in;
    }
    weights_ = allocate(total * sizeof(T));
    for (std::size_t k = 0; k < loop_.matrices.size(); ++k) {
      packed_.push_back(static_cast<T*>(weights_.get()) + at[k]);
      kernels_.pack(loop_.matrices[k], const_cast<void*>(packed_.back()));
    }
  }

  void group() {
    for (std::int32_t i = 0; i < std::int32_t(loop_.instructions.size()); ++i) {
      const bool product = loop_.instructions[i].op == Op::product;
      if (product || items_.empty() || items_.back().product)
        items_.push_back({product, i, i + 1});
      else
        items_.back().end = i + 1;
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

  void lay_out(std::ptrdiff_t tile_rows) {
    std::int32_t widest = kernels_.panel;
    for (const RegisterSpec& r : loop_.registers) widest = std::max(widest, pitch(r.width));
    chunk_rows_ = std::max<std::ptrdiff_t>(1, kChunk / widest);
    std::ptrdiff_t at = 0;
    for (const RegisterSpec& r : loop_.registers) {
      const bool advances = r.life == Life::step || r.life == Life::state;
      registers_.push_back({at, r.width, pitch(r.width), advances});
      const std::ptrdiff_t rows = advances ? tile_rows : std::min(chunk_rows_, tile_rows);
      const std::ptrdiff_t bytes = rows * pitch(r.width) * std::ptrdiff_t(sizeof(T)) + kSkew;
      at += (bytes + 63) / 64 * 64 / std::ptrdiff_t(sizeof(T));
    }
    arena_bytes_ = std::size_t(at) * sizeof(T);
  }

  void tile(const std::int64_t* rows, std::ptrdiff_t count, T* arena) {
    std::memset(arena, 0, arena_bytes_);
    for (const Preload& p : loop_.preloads) {
      const Register& r = registers_[p.to];
      const std::ptrdiff_t n = r.advances ? count : std::min(chunk_rows_, count);
      for (std::ptrdiff_t i = 0; i < n; ++i) {
        T* to = arena + r.offset + i * r.pitch;
        if (p.array < 0)
          std::fill(to, to + r.pitch, T(p.value));
        else
          std::memcpy(to, row_of(p.array, r.advances ? rows[i] : 0), r.width * sizeof(T));
      }
    }
    Tile tile{loop_.instructions.data(),
              items_.data(),
              std::int32_t(items_.size()),
              registers_.data(),
              loop_.arrays.data(),
              loop_.matrices.data(),
              packed_.data(),
              loop_.restarts.data(),
              std::int32_t(loop_.restarts.size()),
              loop_.steps,
              loop_.reverse,
              loop_.restart,
              loop_.batch,
              loop_.restart_offset,
              loop_.backward,
              loop_.lengths,
              rows,
              count,
              chunk_rows_,
              arena};
    kernels_.run(tile);
    for (const Final& f : loop_.finals) {
      const Register& r = registers_[f.state];
      for (std::ptrdiff_t i = 0; i < count; ++i)
        std::memcpy(row_of(f.array, rows[i]), arena + r.offset + i * r.pitch, r.width * sizeof(T));
    }
  }

  T* row_of(std::int32_t array, std::int64_t row) const {
    const Array& a = loop_.arrays[array];
    return static_cast<T*>(a.data) + row * a.row;
  }

  std::int32_t pitch(std::int32_t width) const {
    return (width + kernels_.panel - 1) / kernels_.panel * kernels_.panel;
  }

  const Loop& loop_;
  const LoopKernels& kernels_;
  Memory weights_;
  std::vector<const void*> packed_;
  std::vector<Item> items_;
  std::vector<std::int64_t> rows_;
  std::vector<Register> registers_;
  std::ptrdiff_t chunk_rows_ = 1;
  std::size_t arena_bytes_ = 0;
};

}  // namespace

template <class T>
void run_loop(const Loop& loop, const LoopKernels& kernels, int threads) {
  if (loop.batch == 0) return;
  Plan<T>(loop, kernels).run(threads);
}

template void run_loop<float>(const Loop&, const LoopKernels&, int);
template void run_loop<double>(const Loop&, const LoopKernels&, int);

}  // namespace throughtime
