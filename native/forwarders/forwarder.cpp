// A library that goes by the name of an older one and hands each call on to the newer: what was
// linked with libcublas.so.12 then runs with libcublas.so.13. Compiled once for each library, with
//
//   FORWARDED          the functions, CLESSIDRA_FORWARD(name) each
//   OLD_LIBRARY        the name it goes by
//   NEW_LIBRARY        the library that gets the calls
//   NOT_SUPPORTED      the status that the older library's users know as "not supported"
//
// A function is one jump through its slot, so that arguments of any number and type arrive as they
// were passed. A slot first leads to `resolve`, which fills it at the first call. A function that the
// newer library lacks, or all of them where there is no newer library, return NOT_SUPPORTED, and one
// line on the standard error says so.
#include <dlfcn.h>

#include <atomic>
#include <cstdio>

namespace {

struct Slot {
  std::atomic<void*> target;
  const char* name;
};
static_assert(sizeof(Slot) == 16 && std::atomic<void*>::is_always_lock_free);

int not_supported() { return NOT_SUPPORTED; }

void* open_library() {
  // One that the process has loaded from elsewhere under this name serves as well.
  void* const library = dlopen(NEW_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "clessidra: %s hands its calls to %s, which cannot be loaded: %s\n",
      OLD_LIBRARY, NEW_LIBRARY, dlerror());
  }
  return library;
}

}  // namespace

extern "C" __attribute__((used)) void* clessidra_forward_resolve(Slot* slot) {
  static void* const library = open_library();
  void* target = library == nullptr ? nullptr : dlsym(library, slot->name);
  if (target == nullptr) {
    if (library != nullptr) {
      std::fprintf(stderr, "clessidra: %s has no function %s.\n", NEW_LIBRARY, slot->name);
    }
    target = reinterpret_cast<void*>(&not_supported);
  }
  slot->target.store(target, std::memory_order_release);
  return target;
}

// Keeps what carries arguments (System V ABI, 3.2.3) while the slot in r11 is filled, and goes on to
// the function.
asm(R"(
.text
.type clessidra_forward, @function
clessidra_forward:
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %r8
  push %r9
  push %rax
  sub $128, %rsp
  movaps %xmm0, (%rsp)
  movaps %xmm1, 16(%rsp)
  movaps %xmm2, 32(%rsp)
  movaps %xmm3, 48(%rsp)
  movaps %xmm4, 64(%rsp)
  movaps %xmm5, 80(%rsp)
  movaps %xmm6, 96(%rsp)
  movaps %xmm7, 112(%rsp)
  mov %r11, %rdi
  call clessidra_forward_resolve
  mov %rax, %r11
  movaps (%rsp), %xmm0
  movaps 16(%rsp), %xmm1
  movaps 32(%rsp), %xmm2
  movaps 48(%rsp), %xmm3
  movaps 64(%rsp), %xmm4
  movaps 80(%rsp), %xmm5
  movaps 96(%rsp), %xmm6
  movaps 112(%rsp), %xmm7
  add $128, %rsp
  pop %rax
  pop %r9
  pop %r8
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  jmp *%r11
.size clessidra_forward, . - clessidra_forward
)");

#define CLESSIDRA_FORWARD(name)              \
  asm(".section .data.rel.local,\"aw\"\n"    \
      ".balign 8\n"                          \
      "slot_" #name ":\n"                    \
      "  .quad resolve_" #name "\n"          \
      "  .quad name_" #name "\n"             \
      ".section .rodata\n"                   \
      "name_" #name ": .asciz \"" #name "\"\n" \
      ".text\n"                              \
      ".globl " #name "\n"                   \
      ".type " #name ", @function\n"         \
      #name ":\n"                            \
      "  jmp *slot_" #name "(%rip)\n"        \
      ".size " #name ", . - " #name "\n"     \
      "resolve_" #name ":\n"                 \
      "  lea slot_" #name "(%rip), %r11\n"   \
      "  jmp clessidra_forward\n");
#include FORWARDED
