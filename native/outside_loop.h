// The products outside the loop over time, of torch's tensors: ahead of it and after it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "instruction_set.h"
#include "interruptible.h"
#include "team.h"
#include "tensor.h"

namespace throughtime {

// multiply-adds of a product outside the loop: of a thread, and between looks whether to end
inline constexpr double kForAThread = 4e6, kForALook = 2e8;

// As many threads as have enough to do.
inline int sharing(double work, int threads) {
  return std::clamp(int(work / kForAThread), 1, std::max(threads, 1));
}

// to (count, out) = x (count, in) times the transpose of weight (out, in), plus bias (out,) or None:
// see `Affine`. Of x and the weight the inputs are side by side; `to` and the bias are contiguous.
inline void affine(const LoopKernels& of_type, nb::handle x, nb::handle weight, nb::handle bias,
                   nb::handle to, int threads) {
  const Torch& torch = Torch::get();
  const View from = torch.view(x), w = torch.view(weight);
  const int out = int(w.shape[0]), in = int(w.shape[1]);
  const Affine affine{{w.data, w.strides[0], 1, out, in},
                      from.data, bias.is_none() ? nullptr : torch.view(bias).data,
                      from.strides[0], from.shape[0], torch.view(to).data};
  const int panel = of_type.panel, panels = (out + panel - 1) / panel;
  const int shares = sharing(double(affine.count) * out * in, threads);
  const std::size_t size = w.dtype.bits / 8, of_panel = std::size_t(in) * panel * size;
  std::unique_ptr<char[]> packed(new char[panels * of_panel + 64]);
  char* const first = packed.get() + (64 - std::uintptr_t(packed.get()) % 64) % 64;
  constexpr std::ptrdiff_t kRowsOfAThread = 96;  // where there are fewer, threads share the panels
  const bool by_rows = affine.count >= shares * kRowsOfAThread;
  const auto rows = std::max<std::ptrdiff_t>(1, kForALook / std::max(double(in) * out, 1.0) / 48) * 48;
  interruptible([&](Interruption& interruption) {
    in_parallel(shares, [&](int number, int of) {
      for (int j = number; j < panels; j += of)
        of_type.pack({moved(w.data, j * std::ptrdiff_t(panel) * w.strides[0], size), w.strides[0], 1,
                      std::min(panel, out - j * panel), in},
                     first + j * of_panel);
    });
    in_parallel(shares, [&](int number, int of) {
      for (std::ptrdiff_t s = number; s < shares; s += of) {
        const auto cut = [&](auto count, std::ptrdiff_t k) { return decltype(count)(count * k / shares); };
        Part part = by_rows ? Part{cut(affine.count, s), cut(affine.count, s + 1), 0, panels}
                            : Part{0, affine.count, cut(panels, s), cut(panels, s + 1)};
        for (const std::ptrdiff_t end = part.end_row; part.row < end && !interruption.look();
             part.row = part.end_row) {
          part.end_row = std::min(part.row + rows, end);
          of_type.affine(affine, first, part);
        }
      }
    }, &interruption);
  });
}

// Gradients of weights, see `Outer`.
//   dz        (steps, batch, columns), contiguous.
//   products  (first column of dz, how many, operand (steps, batch, width), gradient (..., width), its
//             first row) of each; the gradient is contiguous, and that many rows of it are written.
inline void outer(const LoopKernels& of_type, nb::handle dz, const nb::list& products, int threads) {
  const View a = Torch::get().view(dz);
  const std::int64_t size = a.dtype.bits / 8;
  const std::int64_t steps = a.shape[0], batch = a.shape[1];
  Arrays arrays(size);
  std::vector<std::pair<Outer, int>> all;  // and the rows of each
  for (nb::handle product : products) {
    const Array b = arrays.of(product[2]);
    const View to = Torch::get().view(product[3]);
    const std::int64_t columns = to.shape[1];
    void* row = moved(to.data, nb::cast<int>(product[4]) * columns, size);
    const void* from = moved(a.data, nb::cast<int>(product[0]), size);
    all.push_back({{from, b.data, a.shape[2], b.step, b.row, steps, batch, row, int(columns)},
                   nb::cast<int>(product[1])});
  }
  interruptible([&](Interruption& interruption) {
    for (const auto& [outer, rows] : all) {
      const double work = double(steps * batch) * rows * outer.columns;
      const int shares = sharing(work, threads);
      const int share = (rows + shares * 6 - 1) / (shares * 6) * 6;
      const int piece = std::max(1, int(std::min(kForALook / std::max(work, 1.0) * rows, 1e9) / 24)) * 24;
      in_parallel(shares, [&, &outer = outer, rows = rows](int number, int of) {
        for (int s = number; s * share < rows; s += of)
          for (int i = s * share, end = std::min(rows, i + share); i < end && !interruption.look();
               i += piece)
            of_type.outer(outer, i, std::min(i + piece, end));
      }, &interruption);
    }
  });
}

}  // namespace throughtime
