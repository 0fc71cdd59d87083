// pull, images, rmi, tag, history and the group image.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/containers.h"
#include "client/format_template.h"
#include "client/human.h"
#include "client/image_list.h"
#include "client/image_names.h"
#include "client/pull.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

using nlohmann::ordered_json;

const std::vector<Column>& ImageColumns() {
  static const std::vector<Column> columns = {
      {"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"IMAGE ID", "ID"},        {"CREATED", "Created"},
      {"PLATFORM", "Platform"},     {"SIZE", "Size"}, {"BLOB SIZE", "BlobSize"}, {"DIGEST", "Digest", true}};
  return columns;
}

struct ImagesLine {
  ListFormat format;
  bool whole_ids = false;
  bool digests = false;
  bool all = false;
  std::string filter;
};

absl::StatusOr<int> Images(Session& session, const ImagesLine& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const std::vector<Row> rows, ImageRows(runtime, line.filter, line.whole_ids));
  ListFormat format = line.format;
  if (line.digests && format.output.empty()) format.output = "wide";
  std::vector<Column> columns = ImageColumns();
  if (format.quiet) columns = {{"IMAGE ID", "ID"}};
  ASSIGN_OR_RETURN(const std::string text, FormatList(format, columns, rows));
  Out(text);
  return 0;
}

absl::StatusOr<int> Pull(Session& session, const std::string& name, bool quiet) {
  ASSIGN_OR_RETURN(const std::string image, PullImage(session, name, quiet ? -1 : STDOUT_FILENO));
  if (quiet) Out(WholeName(name) + "\n");
  return 0;
}

// Some container has the image, by its id or by its name.
absl::StatusOr<std::string> UserOf(RuntimeClient* runtime, const cri::Image& image) {
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, ListContainers(runtime));
  for (const ContainerView& view : views) {
    if (view.container.image_id() == image.id() || view.container.image_ref() == image.id()) return view.Name();
  }
  return std::string();
}

absl::StatusOr<std::string> RemoveImage(RuntimeClient* runtime, const std::string& name, bool force) {
  ASSIGN_OR_RETURN(const cri::Image image, NeedImage(runtime, name));
  const bool by_name = std::count(image.repo_tags().begin(), image.repo_tags().end(), WholeName(name)) != 0;
  if (by_name && image.repo_tags_size() > 1) {
    own::UntagRequest untag;
    untag.set_name(WholeName(name));
    RETURN_IF_ERROR(runtime->Call(untag), "take the name ", name, " from its image");
    return absl::StrCat("Untagged: ", WholeName(name), "\n");
  }
  ASSIGN_OR_RETURN(const std::string user, UserOf(runtime, image));
  if (!user.empty() && !force) {
    return absl::FailedPreconditionError(absl::StrCat("image ", name, " is used by container ", user,
                                                      "; remove that first (crisp rm ", user, "), or say -f"));
  }
  cri::RemoveImageRequest request;
  request.mutable_image()->set_image(image.id());
  RETURN_IF_ERROR(runtime->Call(request), "remove image ", name);
  std::string text;
  for (const std::string& tag : image.repo_tags()) absl::StrAppend(&text, "Untagged: ", tag, "\n");
  return absl::StrCat(text, "Deleted: ", image.id(), "\n");
}

absl::StatusOr<int> RemoveImages(Session& session, const std::vector<std::string>& names, bool force) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  int status = 0;
  for (const std::string& name : names) {
    const absl::StatusOr<std::string> text = RemoveImage(runtime, name, force);
    if (text.ok()) {
      Out(*text);
    } else {
      Err(absl::StrCat("crisp: ", text.status().message(), "\n"));
      status = 1;
    }
  }
  return status;
}

absl::StatusOr<int> Tag(Session& session, const std::string& image, const std::string& name) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  own::TagRequest request;
  request.set_image(image);
  request.set_name(name);
  RETURN_IF_ERROR(runtime->Call(request), "tag ", image, " as ", name);
  return 0;
}

absl::StatusOr<ordered_json> ConfigOf(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const cri::Image image, NeedImage(runtime, name));
  own::DescribeRequest request;
  request.set_image(image.id());
  const auto description = runtime->Call(request);
  if (description.ok()) return ordered_json::parse(description->config(), nullptr, /*allow_exceptions=*/false);
  ordered_json config = ConfigOfImage(runtime, image.id());
  if (config.is_object()) return config;
  return absl::UnimplementedError(absl::StrCat(runtime->Name(), " does not tell the configuration of image ", name));
}

absl::StatusOr<int> History(Session& session, const std::string& name, const ListFormat& format, bool whole) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ordered_json config, ConfigOf(runtime, name));
  own::DescribeRequest request;
  request.set_image(name);
  const auto description = runtime->Call(request);
  std::vector<Row> rows;
  int layer = 0;
  for (const ordered_json& step : config.value("history", ordered_json::array())) {
    const bool empty = step.value("empty_layer", false);
    Row row;
    row["Snapshot"] = "<missing>";
    if (!empty && description.ok() && layer < description->layers_size()) {
      row["Snapshot"] =
          whole ? description->layers(layer).diff_id() : ShortImageId(description->layers(layer).diff_id());
      row["Size"] = HumanBytes(static_cast<uint64_t>(description->layers(layer).unpacked()));
    } else {
      row["Size"] = empty ? "0 B" : "";
    }
    const int64_t created = FromRfc3339(step.value("created", ""));
    row["CreatedSince"] = created == 0 ? "" : Ago(created, Now());
    const std::string command = step.value("created_by", "");
    row["CreatedBy"] = whole ? command : CutAt(command, 45);
    row["Comment"] = step.value("comment", "");
    rows.insert(rows.begin(), row);
    layer += empty ? 0 : 1;
  }
  ASSIGN_OR_RETURN(const std::string text, FormatList(format,
                                                      {{"SNAPSHOT", "Snapshot"},
                                                       {"CREATED", "CreatedSince"},
                                                       {"CREATED BY", "CreatedBy"},
                                                       {"SIZE", "Size"},
                                                       {"COMMENT", "Comment"}},
                                                      rows));
  Out(text);
  return 0;
}

absl::StatusOr<ordered_json> InspectImage(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const cri::Image image, NeedImage(runtime, name));
  ordered_json document;
  document["Id"] = image.id();
  document["RepoTags"] = std::vector<std::string>(image.repo_tags().begin(), image.repo_tags().end());
  document["RepoDigests"] = std::vector<std::string>(image.repo_digests().begin(), image.repo_digests().end());
  document["Size"] = image.size();
  document["Pinned"] = image.pinned();
  const absl::StatusOr<ordered_json> config = ConfigOf(runtime, image.id());
  if (config.ok() && config->is_object()) {
    document["Created"] = config->value("created", "");
    document["Os"] = config->value("os", "");
    document["Architecture"] = config->value("architecture", "");
    document["Config"] = config->value("config", ordered_json::object());
    document["RootFS"] = config->value("rootfs", ordered_json::object());
  }
  return document;
}

absl::StatusOr<int> Inspect(Session& session, const std::vector<std::string>& names, const std::string& format) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ordered_json documents = ordered_json::array();
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(ordered_json document, InspectImage(runtime, name));
    documents.push_back(std::move(document));
  }
  if (format.empty() || format == "json") {
    Out(documents.dump(4) + "\n");
    return 0;
  }
  ASSIGN_OR_RETURN(const FormatTemplate form, FormatTemplate::Parse(format));
  for (const ordered_json& document : documents) {
    ASSIGN_OR_RETURN(const std::string text, form.Render(document));
    Out(text + "\n");
  }
  return 0;
}

struct Line {
  std::string image, name, format;
  std::vector<std::string> images;
  bool quiet = false, force = false, whole = false;
  ListFormat list;
};

void AddPull(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<Line>();
  CLI::App* const pull = tree->Add(parent, "pull", "Pull an image, and show how far it is",
                                   [line](Session& session) { return Pull(session, line->image, line->quiet); });
  pull->add_flag("-q,--quiet", line->quiet, "Print the image's name only");
  pull->add_option("IMAGE", line->image, "As nginx, nginx:alpine, host:5000/a/b@sha256:…")->required();
  VerbTree::RefuseFlag(pull, "-a,--all-tags", "the runtime pulls one image at a time; name each tag");
  VerbTree::RefuseOption(pull, "--platform", "the runtime pulls what fits this machine");
}

void AddImages(VerbTree* tree, CLI::App& parent, const std::string& name) {
  const auto line = std::make_shared<ImagesLine>();
  CLI::App* const images =
      tree->Add(parent, name, "List images", [line](Session& session) { return Images(session, *line); });
  VerbTree::AddListOptions(images, &line->format, "Print ids only");
  images->add_flag("--no-trunc", line->whole_ids, "Whole ids");
  images->add_flag("--digests", line->digests, "Show digests too");
  images->add_flag("-a,--all", line->all, "Has no meaning: there are no intermediate images")->group("");
  images->add_option("IMAGE", line->filter, "Only images of this name");
}

void AddRemove(VerbTree* tree, CLI::App& parent, const std::string& name) {
  const auto line = std::make_shared<Line>();
  CLI::App* const remove = tree->Add(parent, name, "Remove images", [line](Session& session) {
    return RemoveImages(session, line->images, line->force);
  });
  remove->add_flag("-f,--force", line->force, "Also images that containers use; these go on");
  remove->add_option("IMAGE", line->images, "Names or ids")->required();
}

void AddTag(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<Line>();
  CLI::App* const tag = tree->Add(parent, "tag", "Give an image one name more",
                                  [line](Session& session) { return Tag(session, line->image, line->name); });
  tag->add_option("IMAGE", line->image, "Its name or id")->required();
  tag->add_option("NAME", line->name, "The further name, with a tag")->required();
}

void AddHistory(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<Line>();
  CLI::App* const history = tree->Add(parent, "history", "Show how an image was built", [line](Session& session) {
    return History(session, line->image, line->list, line->whole);
  });
  VerbTree::AddListOptions(history, &line->list, "Print ids of layers only");
  history->add_flag("--no-trunc", line->whole, "Whole ids and commands");
  history->add_option("IMAGE", line->image, "Its name or id")->required();
}

}  // namespace

void AddImageVerbs(VerbTree* tree) {
  CLI::App& group = tree->Group("image", "Images: ls, pull, rm, tag, inspect, history");
  AddPull(tree, tree->root());
  AddPull(tree, group);
  AddImages(tree, tree->root(), "images");
  AddImages(tree, group, "ls");
  AddRemove(tree, tree->root(), "rmi");
  AddRemove(tree, group, "rm");
  for (CLI::App* parent : {&tree->root(), &group}) {
    AddTag(tree, *parent);
    AddHistory(tree, *parent);
  }
  const auto line = std::make_shared<Line>();
  CLI::App* const inspect = tree->Add(group, "inspect", "Show all of an image", [line](Session& session) {
    return Inspect(session, line->images, line->format);
  });
  inspect->add_option("-f,--format", line->format, "A Go template for each image, or json")->type_name("TEMPLATE");
  inspect->add_option("IMAGE", line->images, "Names or ids")->required();
}

}  // namespace crisp::client
