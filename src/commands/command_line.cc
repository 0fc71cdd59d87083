#include "commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

namespace crisp {
namespace {

constexpr char kAbout[] = "Serves the Kubernetes Container Runtime Interface, v1, on a Unix socket.";

constexpr char kServeFooter[] =
    R"(Without --config: root /var/lib/crisp, state /run/crisp, socket /run/crisp/crisp.sock, CNI plugins from
/opt/cni/bin with /etc/cni/net.d, and runc.

Point crictl at it with  crictl --runtime-endpoint unix:///run/crisp/crisp.sock  and the kubelet with
--container-runtime-endpoint=unix:///run/crisp/crisp.sock --containerd=/run/crisp/crisp.sock.

The log goes to stderr. SIGTERM ends crispd, and pods go on. SIGUSR1 makes it write to its log what it is doing.

Exit status: 0 after SIGTERM or SIGINT, 1 if crispd cannot start, 2 for a wrong command line.)";

constexpr char kDoctorFooter[] =
    R"(Without --config the file is /etc/crisp/config.toml, if it is there. Run it as root, with the daemon up or down. It
changes nothing. docs/doctor.md has every check and what to do.

Exit status: 0 if there is no problem (notes and warnings are none), 1 if there is one, 2 for a wrong command line.)";

// Describes the command line, and puts what is parsed into `line`.
class Parser {
 public:
  explicit Parser(CommandLine* line) : line_(line), app_(kAbout, "crispd") {
    app_.require_subcommand(0, 1);
    app_.footer(kServeFooter);
    app_.get_formatter()->column_width(24);
    app_.set_help_flag("-h,--help", "Print this and exit");
    app_.set_version_flag("--version", "crispd " CRISP_VERSION, "Print the version and exit");
    AddConfigOption(&app_);
    AddDoctor();
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  CLI::App& app() { return app_; }

 private:
  void AddConfigOption(CLI::App* app) {
    app->add_option("--config", line_->config, "A containerd configuration file (version 1 to 4)")
        ->type_name("FILE")
        ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }

  void AddDoctor() {
    CLI::App* const doctor = app_.add_subcommand("doctor", "Looks at this node and says what is wrong and what to do.");
    doctor->footer(kDoctorFooter);
    doctor->callback([this] { line_->verb = Verb::kDoctor; });
    AddConfigOption(doctor);
    doctor->add_option("--check", line_->doctor.checks, "Only this check; may be repeated")
        ->type_name("NAME")
        ->allow_extra_args(false);
    doctor->add_flag("--json", line_->doctor.json, "Print JSON");
    doctor->add_option("--kubelet-config", line_->doctor.kubelet_config, "The kubelet's configuration file")
        ->type_name("FILE");
    doctor->add_option("--kubelet-url", line_->doctor.kubelet_url, "Where the kubelet serves /configz")
        ->type_name("URL");
  }

  CommandLine* const line_;
  CLI::App app_;
};

OptionHelp HelpOf(const CLI::Option& option) {
  std::string name = option.get_name(option.get_positional(), true);
  std::replace(name.begin(), name.end(), ',', ' ');
  if (!option.get_type_name().empty()) name += " " + option.get_type_name();
  return {name, option.get_description()};
}

void Collect(const CLI::App& app, const std::string& name, std::vector<CommandHelp>* helps) {
  if (app.get_require_subcommand_min() == 0) {
    CommandHelp help = {name, app.get_description(), app.get_footer(), {}};
    for (const CLI::Option* option : app.get_options()) help.options.push_back(HelpOf(*option));
    helps->push_back(std::move(help));
  }
  for (const CLI::App* command : app.get_subcommands({})) Collect(*command, name + " " + command->get_name(), helps);
}

}  // namespace

std::variant<CommandLine, Answer> ParseCommandLine(const std::vector<std::string>& args) {
  CommandLine line;
  Parser parser(&line);
  try {
    parser.app().parse(std::vector<std::string>(args.rbegin(), args.rend()));
    return line;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = parser.app().exit(error, out, err);
    if (code == 0) return Answer{kExitOk, out.str(), ""};
    return Answer{kExitUsage, "", "crispd: " + err.str()};
  }
}

std::vector<CommandHelp> CommandHelps() {
  CommandLine line;
  Parser parser(&line);
  std::vector<CommandHelp> helps;
  Collect(parser.app(), "crispd", &helps);
  return helps;
}

}  // namespace crisp
