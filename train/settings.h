// Every number that a run is made with. A setting describes itself: member, flag, symbol, words and range stand side by
// side in describe(), and the command line, --help, config.toml, the check and the comparison on resume are visitors.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/image_shape.h"
#include "core/precision.h"

namespace ebm {

// What values a setting may have. A NaN is in no range.
struct Range {
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool open_least = false, open_most = false;  // the ends themselves are not in it
  std::string says;                            // as errors tell it: "0 or more"

  bool holds(double value) const {
    return (open_least ? value > least : value >= least) && (open_most ? value < most : value <= most);
  }
};
Range whole(int64_t least, int64_t most, const std::string& why = "");  // "a whole number from 1 to 10", ": why"
Range not_negative();                                                   // finite
Range more_than_zero();                                                 // finite
Range fraction(bool with_one, const char* what = "a factor");           // (0, 1] or (0, 1)
Range below_one();                                                      // [0, 1)
Range learning_rate();                                                  // (0, 10)
// Langevin steps that a chain of a run, or of its samples, may have.
inline constexpr int64_t kMostLangevinSteps = 1'000'000;
Range langevin_steps();

// What a checkpoint must agree in with the run that goes on from it.
enum class Fixed {
  no,
  network,         // shapes the networks: the same number
  narrow_network,  // the same, of the laptop profile's networks; the paper's are fixed
  narrow,          // of the laptop profile's networks too, but may change
  on_or_off,       // 0 in both or in none: whether averages are kept
  data,            // chooses what is learned from: the same
  folder_network,  // shapes the networks: the same number; of a folder of images, other data sets have no such setting
  folder,          // of a folder of images too, but may change
};

inline bool is_narrow(Fixed fixed) { return fixed == Fixed::narrow_network || fixed == Fixed::narrow; }
inline bool is_folder(Fixed fixed) { return fixed == Fixed::folder_network || fixed == Fixed::folder; }

struct Setting {
  std::string flag;  // without the dashes: the key in config.toml
  std::variant<int64_t*, uint64_t*, double*, bool*, std::string*> value;
  const char* symbol;  // the paper's, or ""
  const char* help;
  Range range;  // of numbers
  Fixed fixed;
};

class SettingVisitor {
 public:
  virtual ~SettingVisitor() = default;
  template <class T>
  void operator()(const char* flag, T& value, const char* symbol, const char* help, const Range& range = {},
                  Fixed fixed = Fixed::no) {
    visit({prefix_ + flag, &value, symbol, help, range, fixed});
  }
  // Settings that are used more than once: their flags begin with the prefix, "prior-" for --prior-steps.
  template <class Group>
  void group(const std::string& prefix, Group& settings) {
    const std::string outer = std::exchange(prefix_, prefix_ + prefix);
    settings.describe(*this);
    prefix_ = outer;
  }

 protected:
  virtual void visit(Setting setting) = 0;

 private:
  std::string prefix_;
};

enum class Profile { paper, laptop };
Profile parse_profile(const std::string& text);  // paper | laptop
std::string to_string(Profile profile);

// Settings::data of a run on the user's own images, and the name of its recipes.
inline constexpr const char* kFolder = "folder";

// What such a run learns from (train/data/image_folder.h).
struct FolderSettings {
  std::string images;       // the folder's absolute path
  int64_t size = 64;        // edge of the square images, one of Settings::folder_sizes
  int64_t channels = 0;     // 1 grey, 3 colour; 0: as the folder is, until it was looked at
  int64_t image_count = 0;  // training images that it must have; 0: any number, until it was looked at
  bool no_flip = false;     // do not mirror them
  bool strict = false;      // an image that cannot be used is an error
  void describe(SettingVisitor& v);
  ImageShape image() const { return {size, size, channels == 0 ? 3 : channels}; }
};

// What every method's settings have in common; a method adds its own (train/methods/). Recipes fill them in
// (train/recipes.h), config.toml and the command line override them.
struct Settings {
  std::string method;            // train/methods/table.cpp
  std::string recipe = "mnist";  // a section of train/recipes/METHOD.toml
  std::string data = "mnist";    // the data set
  Profile profile = Profile::laptop;

  int64_t iterations = 5000;  // in all, not more: a resumed run goes on to this number
  int64_t batch = 64;         // n, data images an iteration
  uint64_t seed = 1;
  int64_t held_out = -1;  // a class that training is not shown (train/data/held_out.h); -1: none
  FolderSettings folder;  // where data is kFolder

  double guard_gap = 6.0;        // |energy gap| beyond which the run is held to have diverged; 0: when it outgrows its
                                 // own mean
  double guard_move = 0.8;       // the chains' move per pixel (root mean square), likewise; 0: off
  int64_t guard_every = 50;      // iterations between the states that can be returned to
  int64_t guard_retries = 5;     // rollbacks before the run gives up
  double guard_lr_factor = 0.5;  // the rates that the guard lowers are multiplied by this at each rollback

  virtual ~Settings() = default;
  virtual std::unique_ptr<Settings> clone() const = 0;
  virtual void describe(SettingVisitor& v);
  // Throws Error for what ranges cannot say.
  virtual void check_together() const {}
  // One line that a user should know before a run with these settings; "": nothing.
  virtual std::string note() const { return ""; }
  // The part of an image that the method completes, as train/data/mask.h reads it; "": none, it draws whole ones.
  virtual std::string hole() const { return ""; }
  // Edges of a folder's images that the method's networks are for.
  virtual std::vector<int64_t> folder_sizes() const { return {32, 64, 128}; }
  // Langevin steps of a run's samples. 0 where there are none.
  virtual int64_t sample_steps() const { return 0; }
  // What a recipe knows beside settings: names and texts that are no flag, as `network = "mnist"`. Throws Error for a
  // name that is none.
  virtual void take_fact(const std::string& name, const std::string& text);
  // The error of a Langevin step's gradient in bf16 beside the step's noise, both a pixel's, from what `ebm precision`
  // shows of trained networks of the recipe. Nothing where none was measured, or where a step has no noise.
  virtual std::optional<double> bf16_step_error() const { return std::nullopt; }
  // How many times as fast the chains of an iteration are in bf16 on this processor, timed now (bf16_speedup.h). Nothing
  // for a method that has no plain Langevin chains in x.
  virtual std::optional<double> bf16_chain_speedup() const { return std::nullopt; }

  bool of_folder() const { return data == kFolder; }
  // Iterations that one pass over `images` takes.
  int64_t epoch_iterations(int64_t images) const { return (images + batch - 1) / batch; }

 protected:
  Settings() = default;
  Settings(const Settings&) = default;
  Settings& operator=(const Settings&) = default;
};

// How a run is done, which changes no result but for the arithmetic.
struct RunSettings {
  int64_t checkpoint_every = 500;  // iterations; 0: at the end only
  int64_t samples_every = 0;       // iterations; 0: a dozen or so in a run, more often at first
  int64_t score_every = 0;         // iterations between scores of samples; 0: none
  std::string precision = "auto";  // choose_precisions()
  bool deterministic = false;      // kernels by rule, not by timing
  int64_t logical_ranks = 0;       // ranks of a run, threads of however many processes; 0: one a process
  int64_t read_every = 0;          // iterations from one reading of losses to the next, which takes those begun
                                   // before the last; 1 waits for each; 0: 1 on the CPU, 16 on a GPU
  void describe(SettingVisitor& v);
};

// All settings, in the order of their description; they point into `settings`.
template <class S>
std::vector<Setting> list_settings(S& settings) {
  struct Lister : SettingVisitor {
    std::vector<Setting> all;
    void visit(Setting setting) override { all.push_back(std::move(setting)); }
  } lister;
  settings.describe(lister);
  return std::move(lister.all);
}

// The value as text that reads back to the same, and back; throws Error for text that is no such value.
std::string setting_text(const Setting& setting);
void set_setting(const Setting& setting, const std::string& text);

// What differs between the settings of two lists of one type, a line each: "energy-lr 0.0004 -> 0.1".
std::vector<std::string> changes(const std::vector<Setting>& before, const std::vector<Setting>& now);

// Throws Error naming the first setting that makes no sense, with its valid range.
void check_settings(const Settings& settings);
void check_settings(RunSettings settings);
// Throws Error, beginning with "--resume", where a checkpoint of `before` has other networks than `now`.
void check_same_networks(const Settings& before, const Settings& now);

// The arithmetic that a run's or a tool's word for it means (core/precision.h): auto | fp32 | tf32 | bf16 |
// bf16-chains. `auto` is fp32 on the CPU and tf32 on a GPU, there with chains in bf16 where bf16_step_error() is at most
// kMostBf16StepError; `bf16-chains` is that with chains in bf16.
inline constexpr double kMostBf16StepError = 0.25;
struct Precisions {
  Precision updates, chains;
  std::string text;  // as in "tf32, chains in bf16: its error is 0.03 of a step's noise"
};
Precisions choose_precisions(const std::string& text, Device device, const Settings& settings);
// What a new run's `auto` becomes, and is recorded as: `bf16-chains` on a processor that multiplies bf16 where their
// error is small enough, as on a GPU, and timing finds them faster; else `auto`, as where kernels are chosen by rule.
std::string precision_of_new_run(Device device, const Settings& settings);
// From now on these are the modes.
void set_precisions(const Precisions& precisions);

}  // namespace ebm
