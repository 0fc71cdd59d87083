#include "monitor/http_page.h"

#include "absl/strings/match.h"

namespace crisp {

HttpAnswer PageAt(const HttpPages& pages, const HttpTrees& trees, const std::string& path) {
  if (const auto page = pages.find(path); page != pages.end()) return page->second();
  for (const auto& [root, tree] : trees) {
    if (absl::StartsWith(path, root)) return tree(path.substr(root.size()));
  }
  return {404, "text/plain; charset=utf-8", "no such page\n"};
}

}  // namespace crisp
