#include "client/verb_tree.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace crisp::client {
namespace {

constexpr char kFooter[] =
    R"(Containers that crisp makes live in a pod of their own each. The kubelet's are shown with -A, and changed only with
--k8s.

Exit status: 125 where crisp or the runtime has failed, 126 and 127 where the command cannot be executed or is not found,
else that of the container's command.)";

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> NamesOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_group().empty()) names.push_back(verb->get_name());
  }
  return names;
}

CLI::App* Child(const CLI::App& app, const std::string& name) {
  for (CLI::App* verb : const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; })) {
    if (verb->check_name(name)) return verb;
  }
  return nullptr;
}

// The option of the verb, or of those above it.
const CLI::Option* OptionOf(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* const option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

bool HasValue(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0 && option->get_type_size_max() > 0;
}

// Whether the value of the option, or of the last of several short ones, is the next word: "--name", "-p", "-itp".
bool TakesNext(const CLI::App& app, const std::string& word) {
  if (absl::StartsWith(word, "--")) return !absl::StrContains(word, "=") && HasValue(OptionOf(&app, word));
  for (size_t i = 1; i < word.size(); ++i) {
    if (HasValue(OptionOf(&app, absl::StrCat("-", word.substr(i, 1))))) return i + 1 == word.size();
  }
  return false;
}

// The group that the first words of a line name, and the first word that is not one.
std::pair<CLI::App*, std::string> UnknownWord(CLI::App& root, const std::vector<std::string>& args) {
  CLI::App* at = &root;
  for (const std::string& arg : args) {
    if (absl::StartsWith(arg, "-")) continue;
    CLI::App* const next = Child(*at, arg);
    if (next == nullptr) return {at, NamesOf(*at).empty() ? "" : arg};
    at = next;
  }
  return {at, ""};
}

std::string Explain(CLI::App& root, const std::vector<std::string>& args, const std::string& what) {
  const auto [group, word] = UnknownWord(root, args);
  if (word.empty()) return absl::StrCat("crisp: ", what, "; see crisp --help\n");
  const std::string nearest = Nearest(word, NamesOf(*group));
  const std::string whole = group == &root ? "crisp" : absl::StrCat("crisp ", group->get_name());
  return absl::StrCat("crisp: there is no command \"", word, "\"",
                      nearest.empty() ? "" : absl::StrCat("; do you mean \"", nearest, "\"?"), " See ", whole,
                      " --help\n");
}

}  // namespace

VerbTree::VerbTree(Session* session)
    : session_(session), app_("Runs containers and looks into nodes, over CRI.", "crisp") {
  app_.require_subcommand(1);
  app_.footer(kFooter);
  app_.get_formatter()->column_width(34);
  app_.set_help_flag("-h,--help", "Print this and exit");
  app_.set_version_flag("--version", "crisp version " CRISP_VERSION, "Print the version and exit");
  GlobalOptions& options = session->options();
  app_.add_option("--endpoint,-H,--host", options.endpoint, "The runtime's socket, as unix:///run/crisp/crisp.sock")
      ->type_name("SOCKET");
  app_.add_option("--data-root", options.data_root, "Where logs, volumes and settings of own containers are kept")
      ->type_name("DIR")
      ->envname("CRISP_DATA_ROOT")
      ->capture_default_str();
  app_.add_flag("--k8s", options.kubernetes, "Commands may change the kubelet's containers too");
  app_.fallthrough();  // global options may stand behind the verb
}

CLI::App& VerbTree::Group(const std::string& name, const std::string& text) {
  if (CLI::App* const known = Child(app_, name)) return *known;
  CLI::App* const group = app_.add_subcommand(name, text);
  group->require_subcommand(1);
  group->footer("");
  return *group;
}

CLI::App* VerbTree::Add(CLI::App& parent, const std::string& name, const std::string& text, Action action) {
  CLI::App* const verb = parent.add_subcommand(name, text);
  verb->footer("");
  verb->fallthrough();
  verb->callback([this, action = std::move(action)] { chosen_ = action; });
  return verb;
}

CLI::App* VerbTree::AddPassing(CLI::App& parent, const std::string& name, const std::string& text, Action action) {
  CLI::App* const verb = Add(parent, name, text, std::move(action));
  passing_.insert(verb);
  return verb;
}

void VerbTree::AddListOptions(CLI::App* verb, ListFormat* format, const std::string& quiet_text) {
  verb->add_flag("-q,--quiet", format->quiet, quiet_text);
  verb->add_option("-o,--output", format->output, "json, yaml, wide, name, or template=TEMPLATE")->type_name("FORM");
  verb->add_option("--format", format->format, "A Go template for each row, 'table TEMPLATE', or json")
      ->type_name("TEMPLATE");
  verb->add_flag("!--no-headers", format->headers, "A table without its first line");
}

void VerbTree::Refuse(CLI::App& parent, const std::string& name, const std::string& why) {
  CLI::App* const verb = parent.add_subcommand(name, "")->group("");
  verb->allow_extras()->fallthrough(false);
  verb->set_help_flag();
  verb->callback([name, why] { throw CLI::ValidationError(absl::StrCat(name, ": ", why)); });
}

void VerbTree::RefuseOption(CLI::App* verb, const std::string& name, const std::string& why) {
  const auto refuse = [name, why](const std::vector<std::string>&) -> bool {
    throw CLI::ValidationError(absl::StrCat(name, ": ", why));
  };
  verb->add_option(name, refuse, "")->group("");
}

void VerbTree::RefuseFlag(CLI::App* verb, const std::string& name, const std::string& why) {
  verb->add_flag_callback(
          name, [name, why] { throw CLI::ValidationError(absl::StrCat(name, ": ", why)); }, "")
      ->group("");
}

std::vector<std::string> VerbTree::WithMark(std::vector<std::string> args) {
  const CLI::App* at = &app_;
  for (size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
    if (absl::StartsWith(args[i], "-") && args[i] != "-") {
      if (TakesNext(*at, args[i])) ++i;
    } else if (passing_.count(at) != 0) {
      args.insert(args.begin() + static_cast<ptrdiff_t>(i), "--");
      break;
    } else if (const CLI::App* const next = Child(*at, args[i])) {
      at = next;
    }
  }
  return args;
}

int VerbTree::Execute() {
  const absl::StatusOr<int> status = chosen_(*session_);
  if (status.ok()) return *status;
  Err(absl::StrCat("crisp: ", status.status().message(), "\n"));
  return kExitFailure;
}

int VerbTree::Run(const std::vector<std::string>& args) {
  try {
    std::vector<std::string> line = WithMark(args.empty() ? std::vector<std::string>{"--help"} : args);
    std::reverse(line.begin(), line.end());
    app_.parse(std::move(line));
    return Execute();
  } catch (const CLI::ExtrasError& error) {
    Err(Explain(app_, args, error.what()));
  } catch (const CLI::RequiredError& error) {
    Err(Explain(app_, args, error.what()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      Err(absl::StrCat("crisp: ", error.what(), "\n"));
      return kExitFailure;
    }
    std::ostringstream out, err;
    app_.exit(error, out, err);
    Out(out.str());
    return 0;
  }
  return kExitFailure;
}

std::string Nearest(const std::string& word, const std::vector<std::string>& known) {
  const size_t most = word.size() < 4 ? 1 : std::max<size_t>(2, word.size() / 3);  // two: letters changed places
  std::string best;
  size_t least = most + 1;
  for (const std::string& name : known) {
    const size_t distance = EditDistance(word, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace crisp::client
