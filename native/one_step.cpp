#include "plan.h"

namespace throughtime {

static Split for_one_thread(const Loop& loop, const LoopKernels& kernels) {
  Split split = choose_split(loop, kernels, 1);
  split.together = std::max<std::ptrdiff_t>(loop.batch, 1);
  return split;
}

template <class T>
class StreamState final : public Steps {
 public:
  StreamState(const Loop& loop, const LoopKernels& kernels)
      : plan_(loop, kernels, for_one_thread(loop, kernels), &packed_, nullptr) {
    const std::ptrdiff_t count = loop.batch, tiles = plan_.tiles_of(count);
    T* shared = plan_.zeros(shared_memory_, plan_.shared_size(tiles));
    T* scratch = plan_.zeros(scratch_memory_, plan_.scratch_);
    registers_[0] = plan_.placed(shared, scratch, tiles, false);
    registers_[1] = plan_.placed(shared, scratch, tiles, true);
    plan_.fill_constants(registers_[0]);
    group_ = plan_.group(registers_[0], registers_[1], plan_.rows_.data(), count, nullptr, 0, 1,
                         nullptr);
    group_.start_count = group_.final_count = 0;  // states stay in their registers
    begin();
  }

  void begin() override { move(plan_.loop_.starts, {}); }

  void step() override {
    plan_.kernels_.run(group_);
    std::swap(group_.registers[0], group_.registers[1]);
  }

  void leave() override { move({}, plan_.loop_.starts); }

 private:
  // States to or from memory, without a step.
  void move(const std::vector<StateRows>& from, const std::vector<StateRows>& to) {
    RowGroup none = group_;
    none.steps = 0;
    none.starts = from.data();
    none.start_count = std::int32_t(from.size());
    none.finals = to.data();
    none.final_count = std::int32_t(to.size());
    plan_.kernels_.run(none);
  }

  Workspace packed_, shared_memory_, scratch_memory_;
  Plan<T> plan_;
  std::vector<Register> registers_[2];
  RowGroup group_;
};

template <class T>
std::unique_ptr<Steps> make_steps(const Loop& loop, const LoopKernels& kernels) {
  return std::make_unique<StreamState<T>>(loop, kernels);
}

template std::unique_ptr<Steps> make_steps<float>(const Loop&, const LoopKernels&);
template std::unique_ptr<Steps> make_steps<double>(const Loop&, const LoopKernels&);

}  // namespace throughtime
