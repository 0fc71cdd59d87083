#include "network/cni_result.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

absl::Status CheckInterfaces(const Json& result) {
  const auto interfaces = result.find("interfaces");
  if (interfaces == result.end() || interfaces->is_null()) return absl::OkStatus();
  if (!interfaces->is_array()) return Fault("interfaces is not a list");
  for (const Json& interface : *interfaces) {
    if (!interface.is_object() || StringAt(interface, "name").empty()) return Fault("an interface without a name");
  }
  return absl::OkStatus();
}

absl::Status CheckIp(const Json& ip, size_t interfaces) {
  if (!ip.is_object()) return Fault("ips holds something else than objects");
  const std::string address = StringAt(ip, "address");
  if (FamilyOf(address) == 0) return Fault(absl::StrCat("\"", Excerpt(address), "\" is not an address with a prefix"));
  const auto index = ip.find("interface");
  if (index == ip.end() || index->is_null()) return absl::OkStatus();
  // A negative index is how some plugins say "none".
  if (!index->is_number_integer() || index->get<int64_t>() >= static_cast<int64_t>(interfaces)) {
    return Fault(absl::StrCat("address ", address, " is on an interface that is not in the result"));
  }
  return absl::OkStatus();
}

size_t SizeAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_array() ? 0 : found->size();
}

absl::Status CheckIps(const Json& result) {
  const auto ips = result.find("ips");
  if (ips == result.end() || ips->is_null()) return absl::OkStatus();
  if (!ips->is_array()) return Fault("ips is not a list");
  for (const Json& ip : *ips) RETURN_IF_ERROR(CheckIp(ip, SizeAt(result, "interfaces")));
  return absl::OkStatus();
}

// Until 1.0.0 each address told its family too.
void Convert(Json& result, const std::string& version) {
  result["cniVersion"] = version;
  if (SizeAt(result, "ips") == 0) return;
  for (Json& ip : result["ips"]) {
    if (CniVersionLess(version, "1.0.0")) {
      ip["version"] = absl::StrCat(FamilyOf(StringAt(ip, "address")));
    } else {
      ip.erase("version");
    }
  }
}

bool IsInsidePod(const Json& ip, const Json& result) {
  const auto index = ip.find("interface");
  if (index == ip.end() || !index->is_number_integer() || index->get<int64_t>() < 0) return true;
  return !StringAt(result["interfaces"][index->get<size_t>()], "sandbox").empty();
}

}  // namespace

absl::StatusOr<Json> ParseCniResult(absl::string_view text, const std::string& version) {
  ASSIGN_OR_RETURN(Json result, ParseJsonObject(text));
  const std::string answered = StringAt(result, "cniVersion");
  if (absl::StartsWith(answered, "0.1") || absl::StartsWith(answered, "0.2") || result.contains("ip4") ||
      result.contains("ip6")) {
    return Fault("the result has the form of CNI 0.2.0: the plugin is too old for this configuration");
  }
  RETURN_IF_ERROR(CheckInterfaces(result));
  RETURN_IF_ERROR(CheckIps(result));
  Convert(result, version);
  return result;
}

std::vector<std::string> PodIpsOf(const Json& result) {
  std::vector<std::string> addresses;
  if (SizeAt(result, "ips") == 0) return addresses;
  for (const Json& ip : result["ips"]) {
    const std::string cidr = StringAt(ip, "address");
    if (IsInsidePod(ip, result)) addresses.push_back(cidr.substr(0, cidr.find('/')));
  }
  return addresses;
}

std::string CniErrorText(absl::string_view text) {
  const auto error = ParseJsonObject(text);
  if (!error.ok() || !error->contains("code")) return "";
  std::string told = Excerpt(StringAt(*error, "msg"));
  if (const std::string details = StringAt(*error, "details"); !details.empty()) {
    absl::StrAppend(&told, told.empty() ? "" : ": ", Excerpt(details));
  }
  return told.empty() ? absl::StrCat("error code ", DumpJson((*error)["code"])) : told;
}

}  // namespace crisp
