// Work without the GIL that Ctrl-C ends, see interrupt.h.
#pragma once

#include <nanobind/nanobind.h>

#include <csignal>

#include "interrupt.h"

namespace throughtime {

namespace nb = nanobind;

// Whether Ctrl-C was pressed, and nobody has acted on it; from now on that is up to the caller. False on
// any thread but Python's main one.
inline bool ctrl_c() {
  nb::gil_scoped_acquire acquired;
  return PyOS_InterruptOccurred();
}

// work(interruption) until it comes to its end. After Ctrl-C the handler is called that Python has for it:
// what it raises is raised here. Where it raises nothing, the work begins anew, so it may not add to what
// it finds.
template <class F>
void interruptible(F work) {
  for (;;) {
    Interruption interruption(&ctrl_c);
    {
      nb::gil_scoped_release released;
      work(interruption);
    }
    if (!interruption.ended()) return;
    const nb::object handler = nb::module_::import_("signal").attr("getsignal")(SIGINT);
    const nb::handle frame(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
    if (PyCallable_Check(handler.ptr()))
      handler(SIGINT, frame.is_valid() ? nb::borrow(frame) : nb::object(nb::none()));
  }
}

}  // namespace throughtime
