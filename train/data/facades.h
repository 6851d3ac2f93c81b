// The CMP Facade photographs (Tyleček, Šára 2013) in pix2pix's split: 400 to train on, 106 to test, of 256×256.
#pragma once

#include <filesystem>

#include "train/data/fetch.h"

namespace ebm {

inline constexpr const char* kFacades = "facades";  // the folder's name, and that of recipes which learn from it

// Makes the photographs lie in <root>/facades/train and test, where `--images` finds them, out of the archive that the user
// has put there: no checksum of it is published, so that it is not fetched from anywhere. Its pictures are pairs; the left
// half, the photograph, is kept. `say` tells the archive's SHA-256, and that nothing is known to hold it against. Photographs
// that are there already are counted. Throws Error where there is no archive, in one line with what to put where, or where
// there are not as many pictures as published.
void fetch_facades(const std::filesystem::path& root, const Say& say);

}  // namespace ebm
