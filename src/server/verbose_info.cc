#include "server/verbose_info.h"

#include <nlohmann/json.hpp>

#include "images/images.h"

namespace crisp {

std::string VerboseInfo(const Image& image) {
  // The image's author wrote the configuration: text that is not JSON stays text.
  const auto config = nlohmann::json::parse(image.config_json, nullptr, /*allow_exceptions=*/false);
  return nlohmann::json{{"imageSpec", config.is_discarded() ? nlohmann::json(image.config_json) : config}}.dump();
}

std::string VerboseInfo(const std::map<std::string, std::string>& facts) {
  return nlohmann::json(facts).dump();
}

}  // namespace crisp
