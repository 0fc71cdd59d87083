// crisp-mkimage: writes an OCI image layout with one image of one layer, from files of this machine.

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

constexpr char kUsage[] = R"(usage: crisp-mkimage OUT_DIR REFERENCE [OPTION VALUE]...

Writes OUT_DIR as an OCI image layout with the image REFERENCE, of one layer. Same input, same digests.

What is in it (directories above a path are added, owner is root):
  --file SRC:DST[:MODE]    the file SRC of this machine as DST; MODE is octal, as SRC's if not given
  --text DST=TEXT          a file with this text and a newline, mode 0644
  --symlink TARGET:LINK    a symbolic link LINK to TARGET
  --hardlink TARGET:LINK   a hard link LINK to the file TARGET of this image
  --dir PATH[:MODE]        a directory; MODE is octal, 0755 if not given

How it runs:
  --entrypoint WORD        one word of the entry point; again for the next
  --cmd WORD               one word of the command; again for the next
  --env NAME=VALUE         --user USER[:GROUP]         --workdir PATH
  --stop-signal SIGNAL     --volume PATH               --label NAME=VALUE

How it is written:
  --format oci|docker      the manifest's format; oci if not given
  --compression gzip|zstd|none   the layer's; gzip if not given
)";

constexpr size_t kLargestFile = size_t{1} << 30;

struct Request {
  std::string out_dir;
  ImageDescription image;
  std::map<std::string, LayerEntry> entries;  // by path, so that parents come before what is in them
  std::vector<LayerEntry> hardlinks;          // come last, for a file must be there to be linked
};

absl::StatusOr<mode_t> ParseMode(const std::string& text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 07777) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not an octal mode such as 0755"));
  }
  return static_cast<mode_t>(mode);
}

// "/bin/sh" and "bin/sh/" as tars name it: "bin/sh".
std::string TarPath(absl::string_view path) {
  return absl::StrJoin(absl::StrSplit(path, '/', absl::SkipEmpty()), "/");
}

absl::Status AddFile(Request& request, const std::string& value) {
  const std::vector<std::string> parts = absl::StrSplit(value, ':');
  if (parts.size() < 2 || parts.size() > 3) return absl::InvalidArgumentError("wanted SRC:DST[:MODE]");
  struct stat info;
  if (stat(parts[0].c_str(), &info) != 0) return ErrnoStatus(errno, parts[0]);
  mode_t mode = info.st_mode & 07777;
  if (parts.size() == 3) {
    ASSIGN_OR_RETURN(mode, ParseMode(parts[2]));
  }
  ASSIGN_OR_RETURN(std::string content, ReadFileAt(AT_FDCWD, parts[0], kLargestFile));
  const std::string path = TarPath(parts[1]);
  request.entries[path] = FileEntry(path, std::move(content), mode);
  return absl::OkStatus();
}

absl::Status AddText(Request& request, const std::string& value) {
  const size_t equals = value.find('=');
  if (equals == std::string::npos) return absl::InvalidArgumentError("wanted DST=TEXT");
  const std::string path = TarPath(value.substr(0, equals));
  request.entries[path] = FileEntry(path, absl::StrCat(value.substr(equals + 1), "\n"));
  return absl::OkStatus();
}

using Link = std::pair<std::string, std::string>;

absl::StatusOr<Link> ParseLink(const std::string& value) {
  const std::vector<std::string> parts = absl::StrSplit(value, ':');
  if (parts.size() != 2) return absl::InvalidArgumentError("wanted TARGET:LINK");
  return Link(parts[0], TarPath(parts[1]));
}

absl::Status AddSymlink(Request& request, const std::string& value) {
  ASSIGN_OR_RETURN(const Link link, ParseLink(value));
  request.entries[link.second] = SymlinkEntry(link.second, link.first);
  return absl::OkStatus();
}

absl::Status AddHardlink(Request& request, const std::string& value) {
  ASSIGN_OR_RETURN(const Link link, ParseLink(value));
  request.hardlinks.push_back(HardlinkEntry(link.second, TarPath(link.first)));
  return absl::OkStatus();
}

absl::Status AddDirectory(Request& request, const std::string& value) {
  const std::vector<std::string> parts = absl::StrSplit(value, ':');
  if (parts.size() > 2) return absl::InvalidArgumentError("wanted PATH[:MODE]");
  mode_t mode = 0755;
  if (parts.size() == 2) {
    ASSIGN_OR_RETURN(mode, ParseMode(parts[1]));
  }
  const std::string path = TarPath(parts[0]);
  request.entries[path] = DirectoryEntry(path, mode);
  return absl::OkStatus();
}

absl::Status AddLabel(Request& request, const std::string& value) {
  const std::pair<std::string, std::string> label = absl::StrSplit(value, absl::MaxSplits('=', 1));
  request.image.labels[label.first] = label.second;
  return absl::OkStatus();
}

absl::Status SetFormat(Request& request, const std::string& value) {
  if (value != "oci" && value != "docker") return absl::InvalidArgumentError("wanted oci or docker");
  request.image.format = value == "oci" ? ManifestFormat::kOci : ManifestFormat::kDockerSchema2;
  return absl::OkStatus();
}

absl::Status SetCompression(Request& request, const std::string& value) {
  static const std::map<std::string, Compression> kNames = {
      {"gzip", Compression::kGzip}, {"zstd", Compression::kZstd}, {"none", Compression::kNone}};
  const auto found = kNames.find(value);
  if (found == kNames.end()) return absl::InvalidArgumentError("wanted gzip, zstd or none");
  request.image.layers[0].compression = found->second;
  return absl::OkStatus();
}

using Handler = std::function<absl::Status(Request&, const std::string&)>;

Handler SetString(std::string ImageConfig::*field) {
  return [field](Request& request, const std::string& value) {
    request.image.config.*field = value;
    return absl::OkStatus();
  };
}

Handler AppendTo(std::vector<std::string> ImageConfig::*field) {
  return [field](Request& request, const std::string& value) {
    (request.image.config.*field).push_back(value);
    return absl::OkStatus();
  };
}

const std::map<std::string, Handler>& Handlers() {
  static const auto& handlers = *new std::map<std::string, Handler>{
      {"--file", AddFile},
      {"--text", AddText},
      {"--symlink", AddSymlink},
      {"--hardlink", AddHardlink},
      {"--dir", AddDirectory},
      {"--label", AddLabel},
      {"--format", SetFormat},
      {"--compression", SetCompression},
      {"--entrypoint", AppendTo(&ImageConfig::entrypoint)},
      {"--cmd", AppendTo(&ImageConfig::cmd)},
      {"--env", AppendTo(&ImageConfig::env)},
      {"--volume", AppendTo(&ImageConfig::volumes)},
      {"--user", SetString(&ImageConfig::user)},
      {"--workdir", SetString(&ImageConfig::working_dir)},
      {"--stop-signal", SetString(&ImageConfig::stop_signal)},
  };
  return handlers;
}

absl::StatusOr<Request> ParseArguments(const std::vector<std::string>& args) {
  if (args.size() < 2) return absl::InvalidArgumentError("OUT_DIR and REFERENCE are needed; see --help");
  Request request;
  request.out_dir = args[0];
  request.image.reference = args[1];
  request.image.layers.resize(1);
  for (size_t i = 2; i < args.size(); i += 2) {
    const auto handler = Handlers().find(args[i]);
    if (handler == Handlers().end()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", args[i], "\" is no option; see --help"));
    }
    if (i + 1 == args.size()) return absl::InvalidArgumentError(absl::StrCat(args[i], " needs a value"));
    RETURN_IF_ERROR(handler->second(request, args[i + 1]), args[i], " ", args[i + 1]);
  }
  return request;
}

// The directories above every entry that nobody named: an image whose layer lacks them has parents of no known mode.
void AddParents(Request& request) {
  std::set<std::string> parents;
  const auto add = [&parents](const std::string& path) {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      parents.insert(path.substr(0, slash));
    }
  };
  for (const auto& [path, entry] : request.entries) add(path);
  for (const LayerEntry& link : request.hardlinks) add(link.path);
  for (const std::string& parent : parents) request.entries.try_emplace(parent, DirectoryEntry(parent));
}

absl::Status Run(const std::vector<std::string>& args) {
  ASSIGN_OR_RETURN(Request request, ParseArguments(args));
  AddParents(request);
  std::vector<LayerEntry>& layer = request.image.layers[0].entries;
  for (auto& [path, entry] : request.entries) layer.push_back(std::move(entry));
  for (LayerEntry& link : request.hardlinks) layer.push_back(std::move(link));
  ASSIGN_OR_RETURN(const std::vector<WrittenImage> written, WriteImageLayout(request.out_dir, {request.image}));
  printf("%s@%s\n", request.image.reference.c_str(), written[0].digest.c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) {
    fputs(crisp::kUsage, stdout);
    return 0;
  }
  const absl::Status status = crisp::Run(args);
  if (!status.ok()) {
    fprintf(stderr, "crisp-mkimage: %s\n", std::string(status.message()).c_str());
    return absl::IsInvalidArgument(status) ? 2 : 1;
  }
  return 0;
}
