#include "stats/cni_summary.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace crisp {
namespace {

using nlohmann::json;

// A member of `object`, null if there is none.
json Member(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found == object.end() ? json() : *found;
}

// The objects of a member that is a list.
std::vector<json> Objects(const json& object, const char* name) {
  std::vector<json> objects;
  const json list = Member(object, name);
  if (!list.is_array()) return objects;
  for (const json& one : list) {
    if (one.is_object()) objects.push_back(one);
  }
  return objects;
}

std::string Text(const json& object, const char* name) {
  const json value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

// The interface that an address is on; the pod's own where the plugins do not say.
std::string InterfaceOf(const json& ip, const json& interfaces, const std::string& default_name) {
  const json index = Member(ip, "interface");
  if (!index.is_number_unsigned() || !interfaces.is_array() || index.get<size_t>() >= interfaces.size()) {
    return default_name;
  }
  return Text(interfaces[index.get<size_t>()], "name");
}

void AddAddress(const json& ip, json* interface) {
  const std::string address = Text(ip, "address");
  json& list = (*interface)["IPConfigs"];
  list.push_back({{"IP", address.substr(0, address.find('/'))}, {"Gateway", Text(ip, "gateway")}});
}

json& InterfaceNamed(const std::string& name, json* summary) {
  json& interfaces = (*summary)["Interfaces"];
  return interfaces.emplace(name, json{{"IPConfigs", nullptr}, {"Mac", ""}, {"Sandbox", ""}}).first.value();
}

void Add(const json& result, const std::string& default_name, json* summary) {
  for (const json& one : Objects(result, "interfaces")) {
    json& interface = InterfaceNamed(Text(one, "name"), summary);
    interface["Mac"] = Text(one, "mac");
    interface["Sandbox"] = Text(one, "sandbox");
  }
  for (const json& ip : Objects(result, "ips")) {
    AddAddress(ip, &InterfaceNamed(InterfaceOf(ip, Member(result, "interfaces"), default_name), summary));
  }
  for (const json& route : Objects(result, "routes")) (*summary)["Routes"].push_back(route);
  const json dns = Member(result, "dns");
  (*summary)["DNS"].push_back(dns.is_object() ? dns : json::object());
}

}  // namespace

json CniSummary(const std::string& results) {
  const json recorded = json::parse(results.empty() ? "null" : results, nullptr, /*allow_exceptions=*/false);
  const json list = Member(recorded, "results");
  if (!list.is_array() || list.empty()) return {};
  json summary = {{"Interfaces", json::object()}, {"DNS", nullptr}, {"Routes", nullptr}};
  for (size_t i = 0; i < list.size(); ++i) Add(list[i], absl::StrCat("eth", i), &summary);
  return summary;
}

}  // namespace crisp
