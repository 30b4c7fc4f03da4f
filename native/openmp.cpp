#include "openmp.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#if defined(__linux__) && !defined(THROUGHTIME_OWN_THREADS)
#include <dlfcn.h>
#include <link.h>
#endif

namespace throughtime {
namespace {

#if defined(__linux__) && !defined(THROUGHTIME_OWN_THREADS)
// A function of a library by its name; null if it has none.
template <class F>
F function(void* library, const char* name) {
  return reinterpret_cast<F>(dlsym(library, name));
}

// The paths of all OpenMP runtimes that the process has loaded: of GCC, LLVM or Intel.
std::vector<std::string> loaded_runtimes() {
  std::vector<std::string> loaded;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        const char* name = info->dlpi_name;
        const char* base = name ? std::strrchr(name, '/') : nullptr;
        if (base && (std::strncmp(base, "/libgomp", 8) == 0 || std::strncmp(base, "/libomp", 7) == 0 ||
                     std::strncmp(base, "/libiomp", 8) == 0))
          static_cast<std::vector<std::string>*>(data)->push_back(name);
        return 0;
      },
      &loaded);
  return loaded;
}

// The runtime in torch's own folder if there is one, else any that has the three functions. Nothing
// is loaded (RTLD_NOLOAD): what is not there yet is not what torch uses.
OpenMp find_openmp() {
  const std::vector<std::string> loaded = loaded_runtimes();
  for (const bool torchs : {true, false})
    for (const std::string& path : loaded) {
      if ((path.find("/torch") != std::string::npos) != torchs) continue;
      void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
      if (!library) continue;
      OpenMp runtime;
      runtime.parallel = function<decltype(runtime.parallel)>(library, "GOMP_parallel");
      runtime.number = function<decltype(runtime.number)>(library, "omp_get_thread_num");
      runtime.count = function<decltype(runtime.count)>(library, "omp_get_num_threads");
      runtime.path = path;
      if (runtime) return runtime;
    }
  return {};
}
#else
OpenMp find_openmp() { return {}; }
#endif

}  // namespace

const OpenMp& openmp() {
  static const OpenMp runtime = find_openmp();
  return runtime;
}

}  // namespace throughtime
