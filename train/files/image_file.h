// PNG, JPEG and BMP files to 8-bit images on the host, and PNG files from them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/files/image_set.h"

namespace ebm {

// Image files above this are refused unread, and so are images of more pixels before they take
// memory.
inline constexpr int64_t kMaxImageFileBytes = int64_t{1} << 28;
inline constexpr int64_t kMaxImagePixels = int64_t{1} << 26;

// Decodes one PNG, JPEG or BMP into an ImageSet of count 1 without labels. `wanted` names the shape:
// height and width must match (0 accepts any), channels 1 or 3 converts between grey and RGB, 0
// keeps grey as 1 and colour as 3. What is transparent lies on white, CMYK becomes RGB, 16-bit
// samples become 8-bit, and a JPEG that says which way it was held (EXIF) is turned upright. `name`
// stands for the file in errors. Throws Error on damaged data, another format or another size.
ImageSet decode_image(std::span<const std::byte> file, const std::string& name, ImageShape wanted);

// Whether an intact PNG or JPEG has colour channels, whatever is in them.
bool in_colour(std::span<const std::byte> file);

// One image file, or every .png/.jpg/.jpeg/.bmp directly in a folder, in the order of their names. All
// images of a folder have one size: the wanted one or, where it is 0, the first image's. Throws
// Error as decode_image does, and when a folder holds no images.
ImageSet load_images(const std::filesystem::path& path, ImageShape wanted);

// Every .png/.jpg/.jpeg/.bmp directly in a folder, in the order of their names; a file as itself. Throws
// Error when a folder holds none.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& path);

// Throws Error when a file is no PNG or any part of it is damaged: every chunk is held against its checksum.
void check_png(std::span<const std::byte> file, const std::string& name);

// PNG bytes of one image, (H, W, C) with 1 or 3 channels.
std::vector<std::byte> encode_png(std::span<const uint8_t> pixels, ImageShape shape);

// An animated PNG of frames of one shape, each shown for so long, over and over; what cannot play it shows the first. (APNG:
// the PNG specification, third edition, section 11.3.6.)
std::vector<std::byte> encode_animation(std::span<const std::vector<uint8_t>> frames, ImageShape shape,
                                        uint16_t milliseconds);

// encode_png into a file, replaced atomically. Throws Error when it cannot be written (full disk:
// the file that was there stays).
void write_png(const std::filesystem::path& path, std::span<const uint8_t> pixels, ImageShape shape);

}  // namespace ebm
