#include "instruction_set.h"

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace throughtime {

// Each is defined by kernels.cpp, compiled for that set; CMakeLists.txt says which there are.
#define THROUGHTIME_DECLARE(set) \
  namespace set {                \
  extern const Kernels kKernels; \
  }
#ifdef THROUGHTIME_HAS_BASELINE
THROUGHTIME_DECLARE(baseline)
#endif
#ifdef THROUGHTIME_HAS_AVX2
THROUGHTIME_DECLARE(avx2)
#endif
#ifdef THROUGHTIME_HAS_AVX512
THROUGHTIME_DECLARE(avx512)
#endif
#ifdef THROUGHTIME_HAS_NEON
THROUGHTIME_DECLARE(neon)
#endif

namespace {

std::vector<InstructionSet> detect() {
  std::vector<InstructionSet> sets;
#ifdef THROUGHTIME_HAS_BASELINE
  sets.push_back({"baseline", &baseline::kKernels});
#endif
  // __builtin_cpu_supports also asks whether the operating system saves the wide registers.
#ifdef THROUGHTIME_HAS_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back({"avx2", &avx2::kKernels});
#endif
#ifdef THROUGHTIME_HAS_AVX512
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back({"avx512", &avx512::kKernels});
#endif
#ifdef THROUGHTIME_HAS_NEON
  sets.push_back({"neon", &neon::kKernels});  // every aarch64 has it
#endif
  return sets;
}

}  // namespace

std::span<const InstructionSet> instruction_sets() {
  static const std::vector<InstructionSet> sets = detect();
  return sets;
}

const InstructionSet& instruction_set(const std::string& name) {
  std::string known;
  for (const InstructionSet& set : instruction_sets()) {
    if (name == set.name) return set;
    known += (known.empty() ? "" : ", ") + std::string(set.name);
  }
  throw std::invalid_argument("the instruction set is '" + name + "'; expected one of " + known +
                              ", which this machine runs. Leave it out to take the best.");
}

const InstructionSet& chosen_instruction_set() {
  static const InstructionSet& chosen = [&]() -> const InstructionSet& {
    const char* name = std::getenv("THROUGHTIME_INSTRUCTION_SET");
    return name && *name ? instruction_set(name) : instruction_sets().back();
  }();
  return chosen;
}

}  // namespace throughtime
