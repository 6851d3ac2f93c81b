#include "train/settings.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "core/words.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"

namespace ebm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
void read_number(const std::string& flag, const std::string& text, T& value) {
  const char* expected = std::is_floating_point_v<T> ? "a number"
                         : std::is_signed_v<T>       ? "a whole number"
                                                     : "a whole number, 0 or more";
  const std::optional<T> read = parse_number<T>(text);
  EBM_CHECK(read.has_value(), "--" + flag, "\"" + text + "\"",
            is_whole(text) ? fmt::format("{}, {} at most", expected, std::numeric_limits<T>::max()) : expected);
  value = *read;
}

void read_value(const std::string& flag, const std::string& text, bool& value) {
  EBM_CHECK(text == "true" || text == "false", "--" + flag, "\"" + text + "\"", "true or false");
  value = text == "true";
}
void read_value(const std::string&, const std::string& text, std::string& value) { value = text; }
template <class T>
void read_value(const std::string& flag, const std::string& text, T& value) {
  read_number(flag, text, value);
}

void check_ranges(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings)
    std::visit(
        [&](const auto* value) {
          if constexpr (std::is_arithmetic_v<std::remove_reference_t<decltype(*value)>>)
            EBM_CHECK(setting.range.holds(static_cast<double>(*value)), "settings",
                      setting.flag + " = " + setting_text(setting), setting.range.says);
        },
        setting.value);
}

void check_folder(const Settings& settings) {
  const FolderSettings& folder = settings.folder;
  const auto has = [&](const char* characters) { return folder.images.find_first_of(characters) != std::string::npos; };
  EBM_CHECK(!has("#\n") && !(has("'") && has("\"")), "--images", folder.images,
            "a path that config.toml can hold, without # and with one kind of quotes at most: a link will do");
  const std::vector<int64_t> sizes = settings.folder_sizes();
  std::vector<std::string> words;
  for (const int64_t size : sizes) words.push_back(std::to_string(size));
  EBM_CHECK(std::find(sizes.begin(), sizes.end(), folder.size) != sizes.end(), "--size", std::to_string(folder.size),
            either(words) + ", the sizes of the networks");
  EBM_CHECK(folder.channels != 2, "--channels", "2", "1 (grey), 3 (colour) or 0 (as the images are)");
  EBM_CHECK(settings.held_out < 0, "--held-out", std::to_string(settings.held_out) + " for a folder of images",
            "a data set with labels, which no folder has");
}

}  // namespace

Range whole(int64_t least, int64_t most, const std::string& why) {
  return {.least = static_cast<double>(least),
          .most = static_cast<double>(most),
          .says = fmt::format("a whole number from {} to {}{}{}", least, most, why.empty() ? "" : ": ", why)};
}
Range not_negative() { return {.least = 0, .most = kInfinity, .open_most = true, .says = "0 or more"}; }
Range more_than_zero() {
  return {.least = 0, .most = kInfinity, .open_least = true, .open_most = true, .says = "more than 0"};
}
Range fraction(bool with_one, const char* what) {
  return {.least = 0,
          .most = 1,
          .open_least = true,
          .open_most = !with_one,
          .says = std::string(what) + (with_one ? " in (0, 1]" : " in (0, 1)")};
}
Range below_one() { return {.least = 0, .most = 1, .open_most = true, .says = "0 or more, below 1"}; }
Range learning_rate() {
  return {.least = 0, .most = 10, .open_least = true, .open_most = true, .says = "a learning rate in (0, 10)"};
}
Range langevin_steps() {
  return {.least = 0, .most = kMostLangevinSteps, .says = fmt::format("0 to {}", kMostLangevinSteps)};
}

void FolderSettings::describe(SettingVisitor& v) {
  v("images", images, "", "folder of images: the folder, by itself or with train/ and test/ in it", {}, Fixed::folder);
  v("size", size, "",
    "folder of images: edge of the square images that are learned from, 32, 64 or 128; 256 too where they are "
    "completed",
    whole(1, 1 << 14), Fixed::folder_network);
  v("channels", channels, "", "folder of images: 1 grey, 3 colour; 0: colour if one of the images is", whole(0, 3),
    Fixed::folder_network);
  v("image-count", image_count, "",
    "folder of images: training images that must be there; 0: any number, which the run then goes by",
    {.least = 0, .most = 1e9, .says = "a whole number, 0 or more"}, Fixed::folder);
  v("no-flip", no_flip, "", "folder of images: do not mirror them, as where left and right are not alike", {},
    Fixed::folder);
  v("strict", strict, "", "folder of images: a broken image, or one that is too small, is an error and not left out",
    {}, Fixed::folder);
}

void Settings::describe(SettingVisitor& v) {
  v("iterations", iterations, "", "iterations in all; a resumed run goes on to this number", whole(1, 1'000'000'000));
  v("batch", batch, "n", "data images an iteration", whole(1, 1 << 20));
  v("seed", seed, "", "seed of all random numbers");
  v("held-out", held_out, "", "label of a class that training is not shown, for `ebm ood --held-out`; -1: none",
    whole(-1, 255), Fixed::data);
  v.group("", folder);
  v("guard-gap", guard_gap, "", "energy gap at which a run counts as diverged; 0: when it outgrows its mean",
    not_negative());
  v("guard-move", guard_move, "", "the same for the chains' root-mean-square move per pixel; 0: off", not_negative());
  v("guard-every", guard_every, "", "iterations between the states that a diverged run returns to",
    whole(1, 1'000'000'000));
  v("guard-retries", guard_retries, "", "returns before a run gives up",
    {.least = 0, .most = 1000, .says = "0 to 1000"});
  v("guard-lr-factor", guard_lr_factor, "",
    "factor of what a return to an earlier state lowers: the energy net's learning rate, or see docs/method.md",
    fraction(false));
}

void Settings::take_fact(const std::string& name, const std::string&) {
  EBM_FAIL("recipe", "\"" + name + "\"", "a setting of the method");
}

void RunSettings::describe(SettingVisitor& v) {
  const Range count{.least = 0, .most = 1e18, .says = "a whole number, 0 or more"};
  v("checkpoint-every", checkpoint_every, "", "iterations between checkpoints; 0: only at the end", count);
  v("samples-every", samples_every, "", "iterations between sample pictures; 0: about a dozen in a run", count);
  v("score-every", score_every, "",
    "iterations between scores of 1,000 samples (FD-cls, sure); the best checkpoint is kept; 0: none", count);
  v("precision", precision, "",
    "arithmetic of convolutions and products, auto|fp32|tf32|bf16|bf16-chains; auto: fp32 on the CPU, which emulates "
    "the "
    "others by rounding, slowly; tf32 on a GPU; Langevin chains in bf16 where the recipe bears that and, on a CPU that "
    "multiplies bf16, timing finds it faster");
  v("deterministic", deterministic, "", "choose kernels by rule, not by timing: two runs agree bit for bit");
  v("logical-ranks", logical_ranks, "",
    "CPU: train by so many ranks, threads of however many processes there are, with --deterministic; 0: one a process",
    Range{.least = 0, .most = 4096, .says = "a whole number, 0 or more"});
  v("read-every", read_every, "",
    "iterations from one reading of losses to the next; 1 waits for each; 0: 1 on the CPU, 16 on a GPU", count);
}

std::string setting_text(const Setting& setting) {
  return std::visit([](const auto* value) { return fmt::format("{}", *value); }, setting.value);
}

void set_setting(const Setting& setting, const std::string& text) {
  std::visit([&](auto* value) { read_value(setting.flag, text, *value); }, setting.value);
}

std::vector<std::string> changes(const std::vector<Setting>& before, const std::vector<Setting>& now) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < before.size(); ++i)
    if (setting_text(before[i]) != setting_text(now[i]))
      lines.push_back(fmt::format("{} {} -> {}", before[i].flag, setting_text(before[i]), setting_text(now[i])));
  return lines;
}

void check_settings(const Settings& settings) {
  const std::unique_ptr<Settings> copy = settings.clone();
  check_ranges(list_settings(*copy));
  if (settings.of_folder()) check_folder(settings);
  settings.check_together();
}

void check_settings(RunSettings settings) { check_ranges(list_settings(settings)); }

void check_same_networks(const Settings& before, const Settings& now) {
  const std::unique_ptr<Settings> a = before.clone(), b = now.clone();
  const std::vector<Setting> old_settings = list_settings(*a), new_settings = list_settings(*b);
  for (size_t i = 0; i < old_settings.size(); ++i) {
    const std::string was = setting_text(old_settings[i]), is = setting_text(new_settings[i]);
    const std::string flag = "--" + old_settings[i].flag;
    if (old_settings[i].fixed == Fixed::on_or_off)
      EBM_CHECK((was == "0") == (is == "0"), "--resume", flag + " switched on or off",
                "the same: the checkpoint has moving averages or has none");
    else if (old_settings[i].fixed == Fixed::data)
      EBM_CHECK(was == is, "--resume", fmt::format("{} {} for a checkpoint made with {}", flag, is, was),
                "the same: the images would be others");
    else if (old_settings[i].fixed == Fixed::network || old_settings[i].fixed == Fixed::narrow_network ||
             old_settings[i].fixed == Fixed::folder_network)
      EBM_CHECK(was == is, "--resume", fmt::format("{} {} for a checkpoint made with {}", flag, is, was),
                "the same: the networks would differ");
  }
}

std::string precision_of_new_run(Device device, const Settings& settings) {
  const std::optional<double> error = settings.bf16_step_error();
  const bool may = !device.is_cuda() && cpu::multiplies_bf16() && cpu::plan_timing();
  if (!may || !error || *error > kMostBf16StepError) return "auto";
  return settings.bf16_chain_speedup().value_or(0.0) > 1.0 ? "bf16-chains" : "auto";
}

Precisions choose_precisions(const std::string& text, Device device, const Settings& settings) {
  const Precision updates = default_precision(device);
  const std::string text_of_updates = name(updates);
  if (text == "bf16-chains") {
    const bool emulated = !device.is_cuda() && !cpu::multiplies_bf16();
    return {updates, Precision::bf16,
            text_of_updates + ", chains in bf16" + (emulated ? ", which this processor has to emulate" : "")};
  }
  if (text != "auto") {
    const Precision all = parse_precision(text);
    return {all, all, text};
  }
  const std::optional<double> error = settings.bf16_step_error();
  if (!device.is_cuda() || !error) return {updates, updates, text_of_updates};
  std::ostringstream ratio;
  ratio << std::setprecision(2) << *error;
  if (*error <= kMostBf16StepError)
    return {updates, Precision::bf16,
            text_of_updates + ", chains in bf16: its error is " + ratio.str() + " of a step's noise"};
  return {updates, updates,
          text_of_updates + ", chains too: bf16's error would be " + ratio.str() + " of a step's noise"};
}

void set_precisions(const Precisions& precisions) {
  set_precision(precisions.updates);
  set_chain_precision(precisions.chains);
}

Profile parse_profile(const std::string& text) {
  if (text == "paper") return Profile::paper;
  if (text == "laptop") return Profile::laptop;
  EBM_FAIL("profile", "\"" + text + "\"", "auto, paper or laptop");
}

std::string to_string(Profile profile) { return profile == Profile::paper ? "paper" : "laptop"; }

}  // namespace ebm
