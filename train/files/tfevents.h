// TensorBoard event files: scalars and images, written without TensorFlow or protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "train/files/image_grid.h"

namespace ebm {

// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78): "123456789" gives 0xe3069283.
uint32_t crc32c(std::span<const std::byte> bytes);

// Appends to one new events.out.tfevents.* file in a folder; a resumed run adds a file of its own,
// which TensorBoard joins with the earlier ones by step. Records are buffered: flush() or the
// destructor puts them into the file. Not thread-safe.
class EventWriter {
 public:
  // Makes the folder where needed. Throws Error when the file cannot be made. What earlier files tell of steps after
  // `step` is void: TensorBoard leaves it out.
  explicit EventWriter(const std::filesystem::path& folder, int64_t step = 0);
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // `tag` names the curve, as in "energy/data"; TensorBoard groups by what stands before the slash.
  void scalar(const std::string& tag, double value, int64_t step);
  void image(const std::string& tag, const Picture& picture, int64_t step);
  // Throws Error on a write failure; the file then still ends with a whole record.
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  // Wraps one encoded Summary in an Event and a record.
  void append_summary(std::string_view summary, int64_t step);
  void append_record(std::string_view event);

  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t written_ = 0;  // bytes of whole records in the file
  std::string buffer_;   // whole records not yet in the file
};

}  // namespace ebm
