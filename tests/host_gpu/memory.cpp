#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace host_gpu {

char* device_base = nullptr;
char* device_view = nullptr;
uint64_t device_bytes = 0;
uint16_t* valid_bytes = nullptr;

namespace {

struct Memory {
  std::map<uint64_t, size_t> allocated;  // offset, bytes
  std::map<uint64_t, size_t> pinned;     // address, bytes
  uint64_t next = kGranule;              // no address is given out twice: a freed one stays a fault
  size_t used = 0, limit = size_t{6} << 30;
};

template <class T>
T* map_memory(size_t bytes, int protection, int flags, int file) {
  void* const p = mmap(nullptr, bytes, protection, flags | MAP_NORESERVE, file, 0);
  if (p == MAP_FAILED) fail("no addresses for the device's memory");
  return static_cast<T*>(p);
}

Memory& memory() {
  static Memory* const made = [] {
    auto* m = new Memory;
    if (const char* limit = std::getenv("HOST_GPU_MEMORY")) m->limit = std::strtoull(limit, nullptr, 10);
    device_bytes = uint64_t{1} << 38;
    const int file = memfd_create("device", 0);
    if (file < 0 || ftruncate(file, static_cast<off_t>(device_bytes)) != 0) fail("no file for the device's memory");
    device_base = map_memory<char>(device_bytes, PROT_NONE, MAP_SHARED, file);
    device_view = map_memory<char>(device_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    valid_bytes =
        map_memory<uint16_t>(2 * device_bytes / kGranule, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    return m;
  }();
  return *made;
}

// The piece that a range lies in; end(): in none.
auto piece_of(const std::map<uint64_t, size_t>& pieces, uint64_t first, size_t bytes) {
  auto piece = pieces.upper_bound(first);
  if (piece == pieces.begin()) return pieces.end();
  --piece;
  return first + bytes <= piece->first + piece->second ? piece : pieces.end();
}

void set_valid(uint64_t offset, size_t bytes, bool valid) {
  for (size_t done = 0; done < bytes; done += kGranule)
    valid_bytes[(offset + done) / kGranule] =
        valid ? static_cast<uint16_t>(std::min<size_t>(kGranule, bytes - done)) : 0;
}

}  // namespace

void* allocate(size_t bytes) {
  Memory& m = memory();
  const size_t room = (bytes + 2 * kGranule - 1) / kGranule * kGranule;  // and an invalid granule behind it
  if (m.used + bytes > m.limit || m.next + room > device_bytes) return nullptr;
  const uint64_t offset = m.next;
  m.next += room;
  m.used += bytes;
  m.allocated[offset] = bytes;
  set_valid(offset, bytes, true);
  std::memset(device_view + offset, 0xff, bytes);  // NaN, until something is written
  return device_base + offset;
}

bool release(void* pointer) {
  Memory& m = memory();
  const auto piece = m.allocated.find(static_cast<uint64_t>(static_cast<char*>(pointer) - device_base));
  if (piece == m.allocated.end()) return false;
  const auto [offset, bytes] = *piece;
  set_valid(offset, bytes, false);
  const uint64_t page = 4096, first = (offset + page - 1) / page * page, last = (offset + bytes) / page * page;
  if (last > first) madvise(device_view + first, last - first, MADV_REMOVE);
  m.used -= bytes;
  m.allocated.erase(piece);
  return true;
}

void* allocate_pinned(size_t bytes) {
  void* const p = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  memory().pinned[reinterpret_cast<uint64_t>(p)] = bytes;
  return p;
}

bool release_pinned(void* pointer) {
  if (memory().pinned.erase(reinterpret_cast<uint64_t>(pointer)) == 0) return false;
  std::free(pointer);
  return true;
}

bool is_pinned(const void* pointer, size_t bytes) {
  return piece_of(memory().pinned, reinterpret_cast<uint64_t>(pointer), bytes) != memory().pinned.end();
}
char* pinned_view(uint64_t address, size_t bytes) {
  char* const p = reinterpret_cast<char*>(address);
  return is_pinned(p, bytes) ? p : nullptr;
}

bool is_device(const void* pointer) {
  memory();
  const auto* p = static_cast<const char*>(pointer);
  return p >= device_base && p < device_base + device_bytes;
}

char* checked_view(const void* pointer, size_t bytes, const char* who) {
  if (is_device(pointer)) {
    const auto offset = static_cast<uint64_t>(static_cast<const char*>(pointer) - device_base);
    if (piece_of(memory().allocated, offset, bytes) != memory().allocated.end()) return device_view + offset;
  } else if (is_pinned(pointer, bytes)) {
    return static_cast<char*>(const_cast<void*>(pointer));
  }
  char text[200];
  std::snprintf(text, sizeof text, "%s: %zu bytes at %p are not in one allocation of the device", who, bytes, pointer);
  fail(text);
}

size_t free_bytes() { return memory().limit - memory().used; }
size_t total_bytes() { return memory().limit; }

void fail(const std::string& text) {
  std::fprintf(stderr, "host GPU: %s\n", text.c_str());
  std::abort();
}

}  // namespace host_gpu
