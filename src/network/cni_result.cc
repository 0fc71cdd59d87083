#include "network/cni_result.h"

#include <arpa/inet.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "network/cni_config.h"

namespace crisp {
namespace {

absl::Status Fault(absl::string_view text) {
  return absl::InternalError(text);
}

// 4 or 6; 0 if `cidr` is not an address with a prefix length.
int FamilyOf(absl::string_view cidr) {
  const size_t slash = cidr.find('/');
  if (slash == absl::string_view::npos) return 0;
  const std::string address(cidr.substr(0, slash));
  int length = 0;
  if (!absl::SimpleAtoi(cidr.substr(slash + 1), &length) || length < 0) return 0;
  in6_addr binary{};
  if (inet_pton(AF_INET, address.c_str(), &binary) == 1) return length <= 32 ? 4 : 0;
  if (inet_pton(AF_INET6, address.c_str(), &binary) == 1) return length <= 128 ? 6 : 0;
  return 0;
}

// Returns the number of interfaces.
absl::StatusOr<size_t> CheckInterfaces(const JsonReader& result) {
  ASSIGN_OR_RETURN(const std::vector<JsonReader> interfaces, result.Objects("interfaces"));
  for (const JsonReader& interface : interfaces) {
    ASSIGN_OR_RETURN(const std::string name, interface.String("name"));
    if (name.empty()) return interface.Missing("name");
    RETURN_IF_ERROR(interface.String("sandbox"));
  }
  return interfaces.size();
}

absl::Status CheckIp(const JsonReader& ip, size_t interfaces) {
  ASSIGN_OR_RETURN(const std::string address, ip.String("address"));
  if (FamilyOf(address) == 0) return Fault(absl::StrCat("\"", Excerpt(address), "\" is not an address with a prefix"));
  const auto index = ip.Field("interface");
  if (!index.has_value()) return absl::OkStatus();
  // Some plugins use a negative index for "none".
  if (!index->json().is_number_integer() || index->json().get<int64_t>() >= static_cast<int64_t>(interfaces)) {
    return Fault(absl::StrCat("address ", address, " is on an interface that is not in the result"));
  }
  return absl::OkStatus();
}

absl::Status CheckResult(const JsonReader& result) {
  ASSIGN_OR_RETURN(const std::string answered, result.String("cniVersion"));
  if (absl::StartsWith(answered, "0.1") || absl::StartsWith(answered, "0.2") || result.Contains("ip4") ||
      result.Contains("ip6")) {
    return Fault("the result has the form of CNI 0.2.0: the plugin is too old for this configuration");
  }
  ASSIGN_OR_RETURN(const size_t interfaces, CheckInterfaces(result));
  ASSIGN_OR_RETURN(const std::vector<JsonReader> ips, result.Objects("ips"));
  for (const JsonReader& ip : ips) RETURN_IF_ERROR(CheckIp(ip, interfaces));
  return absl::OkStatus();
}

// The entries of "ips", none if it is absent or null. `result` is checked.
std::vector<JsonReader> IpsIn(const Json& result) {
  return JsonReader(result).Objects("ips").value_or(std::vector<JsonReader>());
}

std::string AddressOf(const Json& ip) {
  return JsonReader(ip).String("address").value_or("");
}

// Before 1.0.0 each address also has its family as "version".
void Convert(Json& result, const std::string& version) {
  result["cniVersion"] = version;
  if (IpsIn(result).empty()) return;
  for (Json& ip : result["ips"]) {
    if (CniVersionLess(version, "1.0.0")) {
      ip["version"] = absl::StrCat(FamilyOf(AddressOf(ip)));
    } else {
      ip.erase("version");
    }
  }
}

// An address without an interface counts as inside. An interface is inside if it has a sandbox.
bool IsInsidePod(const JsonReader& ip, const std::vector<JsonReader>& interfaces) {
  const absl::StatusOr<std::optional<uint64_t>> index = ip.Unsigned("interface");
  if (!index.ok() || !index->has_value() || **index >= interfaces.size()) return true;
  return !interfaces[**index].String("sandbox").value_or("").empty();
}

}  // namespace

absl::StatusOr<Json> ParseCniResult(absl::string_view text, const std::string& version) {
  ASSIGN_OR_RETURN(Json result, ParseJsonObject(text));
  RETURN_IF_ERROR(CheckResult(JsonReader(result)));
  Convert(result, version);
  return result;
}

std::vector<std::string> PodIpsOf(const Json& result) {
  const auto interfaces = JsonReader(result).Objects("interfaces").value_or(std::vector<JsonReader>());
  std::vector<std::string> addresses;
  for (const JsonReader& ip : IpsIn(result)) {
    const std::string cidr = AddressOf(ip.json());
    if (IsInsidePod(ip, interfaces)) addresses.push_back(cidr.substr(0, cidr.find('/')));
  }
  return addresses;
}

std::string CniErrorText(absl::string_view text) {
  const absl::StatusOr<Json> error = ParseJsonObject(text);
  if (!error.ok() || !error->contains("code")) return "";
  const JsonReader reader(*error);
  std::string told = Excerpt(reader.String("msg").value_or(""));
  if (const std::string details = reader.String("details").value_or(""); !details.empty()) {
    absl::StrAppend(&told, told.empty() ? "" : ": ", Excerpt(details));
  }
  return told.empty() ? absl::StrCat("error code ", DumpJson((*error)["code"])) : told;
}

}  // namespace crisp
