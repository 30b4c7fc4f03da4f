#include "plan.h"

namespace throughtime {

static Split for_one_thread(const Loop& loop, std::int32_t panel) {
  Split split = choose_split(loop, panel, 1);
  split.together = std::max<std::ptrdiff_t>(loop.batch, 1);
  return split;
}

template <class T>
class Resident final : public Steps {
 public:
  Resident(const Loop& loop, const LoopKernels& kernels)
      : plan_(loop, kernels, for_one_thread(loop, kernels.panel), &packed_) {
    const std::ptrdiff_t count = loop.batch, tiles = plan_.tiles_of(count);
    const std::size_t shared_bytes = plan_.shared_size(tiles) * sizeof(T);
    shared_ = static_cast<T*>(shared_memory_.take(shared_bytes));
    T* scratch = static_cast<T*>(scratch_memory_.take(plan_.scratch_ * sizeof(T)));
    std::memset(scratch, 0, plan_.scratch_ * sizeof(T));
    registers_[0] = plan_.placed(shared_, scratch, tiles, false);
    registers_[1] = plan_.placed(shared_, scratch, tiles, true);
    plan_.fill_constants(registers_[0]);
    group_ = plan_.group(registers_[0], registers_[1], plan_.rows_.data(), count, nullptr, 0, 1,
                         nullptr);
    group_.final_count = 0;  // states stay in their registers
    begin();
  }

  void begin() override { plan_.fill_states(shared_, plan_.rows_.data(), group_.count); }

  void step() override {
    plan_.kernels_.run(group_);
    std::swap(group_.registers[0], group_.registers[1]);
  }

  void leave() override {
    for (const Preload& p : plan_.loop_.preloads) {
      if (p.array < 0) continue;
      const Array& a = plan_.loop_.arrays[p.array];
      for (std::ptrdiff_t i = 0; i < group_.count; ++i)
        plan_.over_blocks(group_.registers[0][p.to], i,
                          [&](const T* at, std::ptrdiff_t j, std::size_t bytes) {
                            std::memcpy(static_cast<T*>(a.data) + i * a.row + j, at, bytes);
                          });
    }
  }

 private:
  Workspace packed_, shared_memory_, scratch_memory_;
  Plan<T> plan_;
  T* shared_;
  std::vector<Register> registers_[2];
  Group group_;
};

template <class T>
std::unique_ptr<Steps> make_steps(const Loop& loop, const LoopKernels& kernels) {
  return std::make_unique<Resident<T>>(loop, kernels);
}

template std::unique_ptr<Steps> make_steps<float>(const Loop&, const LoopKernels&);
template std::unique_ptr<Steps> make_steps<double>(const Loop&, const LoopKernels&);

}  // namespace throughtime
