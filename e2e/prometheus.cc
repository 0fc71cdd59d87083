#include "e2e/prometheus.h"

#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>

#include "e2e/files.h"
#include "e2e/http.h"
#include "e2e/wait.h"

namespace crisp::e2e {
namespace {

using nlohmann::json;

constexpr char kProgram[] = "/usr/bin/prometheus";
constexpr int kPort = 9090;

std::string Encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    char buffer[4];
    std::snprintf(buffer, sizeof(buffer), "%%%02X", static_cast<unsigned char>(c));
    encoded += std::isalnum(static_cast<unsigned char>(c)) != 0 ? std::string(1, c) : buffer;
  }
  return encoded;
}

// The member "data" of an answer of its HTTP API.
json Ask(const std::string& path) {
  const std::string answer = Fetch("127.0.0.1", kPort, "/api/v1/" + path);
  const json body = json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  if (body.at("status") != "success") throw std::runtime_error("prometheus: " + path + ": " + body.dump());
  return body.at("data");
}

// As it is delivered, but every second.
std::string Configuration() {
  const std::string delivered = ReadFile(CRISP_DEPLOY_PROMETHEUS "/prometheus.yml");
  return std::regex_replace(delivered, std::regex("_interval: [0-9]+s"), "_interval: 1s");
}

}  // namespace

Prometheus::Prometheus(const std::string& directory) {
  MakeDirectory(directory);
  WriteFile(directory + "/prometheus.yml", Configuration());
  WriteFile(directory + "/crisp.rules.yml", ReadFile(CRISP_DEPLOY_PROMETHEUS "/crisp.rules.yml"));
  process_.Start(kProgram,
                 {"--config.file=" + directory + "/prometheus.yml", "--storage.tsdb.path=" + directory + "/data",
                  "--web.listen-address=127.0.0.1:" + std::to_string(kPort)},
                 directory + "/log");
  WaitFor("prometheus to answer", std::chrono::seconds(20), [] { return CanConnect("127.0.0.1", kPort); });
}

size_t Prometheus::CountSeries(const std::string& expression) const {
  return Ask("query?query=" + Encoded(expression)).at("result").size();
}

std::vector<std::string> Prometheus::MetricNames() const {
  return Ask("label/__name__/values").get<std::vector<std::string>>();
}

std::vector<std::string> Prometheus::AlertExpressions() const {
  std::vector<std::string> expressions;
  const json rules = Ask("rules");
  for (const json& group : rules.at("groups")) {
    for (const json& rule : group.at("rules")) {
      if (rule.at("health") == "err") throw std::runtime_error("prometheus: " + rule.dump());
      expressions.push_back(rule.at("query").get<std::string>());
    }
  }
  return expressions;
}

}  // namespace crisp::e2e
