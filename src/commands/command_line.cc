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

The log goes to stderr. SIGTERM ends crispd, and pods go on. SIGHUP has it read its configuration again: all of it, or
nothing if it has a fault. SIGUSR1 makes it write to its log what it is doing.

Exit status: 0 after SIGTERM or SIGINT, 1 if crispd cannot start, 2 for a wrong command line.)";

constexpr char kDoctorFooter[] =
    R"(Without --config the file is /etc/crisp/config.toml, if it is there. Run it as root, with the daemon up or down. It
changes nothing. docs/doctor.md has every check and what to do.

Exit status: 0 if there is no problem (notes and warnings are none), 1 if there is one, 2 for a wrong command line.)";

constexpr char kDefaultFooter[] =
    R"(The file has containerd's layout, version 3. Loading it changes nothing.

Example:
  crispd config default > /etc/crisp/config.toml)";

constexpr char kDumpFooter[] =
    R"(Each value is followed by the file and line that it comes from. The output is a configuration file that means the
same as FILE with all that it imports. Passwords and other secrets are left out.

Exit status: 0, 1 if crispd would refuse the file, 2 if it cannot be read.

Example:
  crispd config dump --config /etc/containerd/config.toml)";

constexpr char kCheckFooter[] =
    R"(Exit status: 0 if crispd starts with the file, also where it warns; 1 if it refuses it, or with --strict where it
warns; 2 if the file cannot be read.

Example:
  crispd config check /etc/containerd/config.toml)";

constexpr char kExplainFooter[] =
    R"(KEY is the path of a key in any version of the file, or the end of one.

Exit status: 0, or 1 if there is no such key or KEY is the end of several, which are named.

Examples:
  crispd config explain SystemdCgroup
  crispd config explain grpc.address
  crispd config explain 'plugins."io.containerd.cri.v1.runtime".cni.conf_dir')";

constexpr char kMigrateFooter[] =
    R"(Files of version 1 and 2 become version 3, which every containerd since 2.0 reads; those of version 3 and 4 keep
theirs. Endpoints of mirrors get the /v2 that their path lacks, and older keys their later names. Comments and order
stay; what was changed goes to stderr. Files that FILE imports are not touched. A second run changes nothing.

Exit status: 0; 1 if something in the file cannot be migrated, which is named, and then nothing is written; 2 if the file
cannot be read.

Examples:
  crispd config migrate /etc/containerd/config.toml > /etc/crisp/config.toml
  crispd config migrate --write /etc/crisp/config.toml)";

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
    DescribeConfig();
    AddDoctor();
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  CLI::App& app() { return app_; }

 private:
  CLI::App* Add(CLI::App* parent, Verb verb, const char* name, const char* text, const char* footer) {
    CLI::App* const added = parent->add_subcommand(name, text);
    added->footer(footer);
    added->callback([this, verb] { line_->verb = verb; });
    return added;
  }

  void AddConfigOption(CLI::App* app) {
    app->add_option("--config", line_->config, "A containerd configuration file (version 1 to 4)")
        ->type_name("FILE")
        ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }

  void AddFile(CLI::App* app) {
    app->add_option("FILE", line_->file, "A containerd configuration file (version 1 to 4)")->type_name("")->required();
  }

  void DescribeConfig() {
    CLI::App* const config = app_.add_subcommand("config", "Show, check, explain and migrate configuration files");
    config->require_subcommand(1);
    config->footer("");
    Add(config, Verb::kConfigDefault, "default", "Print a file with every default and what it means", kDefaultFooter);
    AddConfigOption(
        Add(config, Verb::kConfigDump, "dump", "Print the values that count, and where each comes from", kDumpFooter));
    CLI::App* const check =
        Add(config, Verb::kConfigCheck, "check", "Say of every key in a file what crisp does with it", kCheckFooter);
    AddFile(check);
    check->add_flag("--strict", line_->strict, "A warning is a failure too");
    CLI::App* const explain = Add(config, Verb::kConfigExplain, "explain", "Say what a key is for", kExplainFooter);
    explain->add_option("KEY", line_->key, "The key")->type_name("")->required();
    CLI::App* const migrate =
        Add(config, Verb::kConfigMigrate, "migrate",
            "Print a file as the current version has it, with comments and order kept", kMigrateFooter);
    AddFile(migrate);
    migrate->add_flag("--write", line_->write, "Replace FILE, and keep what it was in FILE.bak");
    migrate->add_flag("--drop-in", line_->drop_in,
                      "FILE is imported by another one: do not add the defaults that version 2 has and 3 has not");
  }

  void AddDoctor() {
    CLI::App* const doctor = app_.add_subcommand("doctor", "Look at this node and say what is wrong and what to do");
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
