// Memory for what a call leaves behind: large blocks, kept when they are free for the next call.
#pragma once

#include <cstddef>

namespace throughtime {

// A block of at least `bytes`, aligned to a page; give_back() takes it, from any thread. Fresh pages
// cost more than the work on them, so free blocks are kept, as far as kKept in memory.cpp allows.
// Throws std::bad_alloc.
void* borrow(std::size_t bytes);
void give_back(void* block) noexcept;

// Free blocks to the operating system.
void release() noexcept;

// Bytes of free blocks that are kept.
std::size_t kept() noexcept;

}  // namespace throughtime
