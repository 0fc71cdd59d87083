#include "runtime/spec_devices.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace crisp {
namespace {

using nlohmann::json;

json Rule(bool allow, const char* access) {
  return {{"allow", allow}, {"access", access}};
}

json Rule(const char* type, int64_t major, int64_t minor) {
  json rule = {{"allow", true}, {"type", type}, {"access", "rwm"}, {"major", major}};
  if (minor >= 0) rule["minor"] = minor;
  return rule;
}

json Rule(char type, int64_t major, int64_t minor, const std::string& access) {
  return {{"allow", true}, {"type", std::string(1, type)}, {"major", major}, {"minor", minor}, {"access", access}};
}

json DeviceNode(const HostDevice& device) {
  return {{"path", device.path},     {"type", std::string(1, device.type)},
          {"major", device.major},   {"minor", device.minor},
          {"fileMode", device.mode}, {"uid", device.uid},
          {"gid", device.gid}};
}

// Where the vendor names no owner the node belongs to the container's process, so that it can open it (CDI's
// container-edits). Absent ids are root's.
json DeviceNode(const CdiDeviceNode& device, const ResolvedUser& user) {
  json node = {{"path", device.path}, {"type", std::string(1, device.type)}};
  if (device.major) node["major"] = *device.major;
  if (device.minor) node["minor"] = *device.minor;
  if (device.file_mode) node["fileMode"] = *device.file_mode;
  if (const uint32_t uid = device.uid.value_or(user.uid); device.uid || uid != 0) node["uid"] = uid;
  if (const uint32_t gid = device.gid.value_or(user.gid); device.gid || gid != 0) node["gid"] = gid;
  return node;
}

}  // namespace

json StandardDeviceRules() {
  return {Rule(false, "rwm"),
          {{"allow", true}, {"type", "c"}, {"access", "m"}},
          {{"allow", true}, {"type", "b"}, {"access", "m"}},
          Rule("c", 1, 3),
          Rule("c", 1, 5),
          Rule("c", 1, 7),
          Rule("c", 1, 8),
          Rule("c", 1, 9),
          Rule("c", 5, 0),
          Rule("c", 5, 2),
          Rule("c", 136, -1)};
}

json DeviceRules(const ContainerContext& context, bool privileged) {
  if (privileged && context.all_devices_allowed) return json::array({Rule(true, "rwm")});
  json rules = StandardDeviceRules();
  for (const ContainerDevice& device : context.devices) {
    rules.push_back(Rule(device.node.type, device.node.major, device.node.minor, device.permissions));
  }
  for (const CdiDeviceNode& node : context.cdi.device_nodes) {
    if (node.type == 'p') continue;  // a fifo needs no rule
    rules.push_back(
        Rule(node.type == 'b' ? 'b' : 'c', node.major.value_or(0), node.minor.value_or(0), node.permissions));
  }
  return rules;
}

json DeviceNodes(const ContainerContext& context, const ResolvedUser& user, bool privileged) {
  // By path: a device that is asked for replaces one of the host, and one of CDI replaces both.
  std::map<std::string, json> nodes;
  if (privileged) {
    for (const HostDevice& device : context.host_devices) nodes[device.path] = DeviceNode(device);
  }
  for (const ContainerDevice& device : context.devices) nodes[device.node.path] = DeviceNode(device.node);
  for (const CdiDeviceNode& node : context.cdi.device_nodes) nodes[node.path] = DeviceNode(node, user);
  json list = json::array();
  for (auto& [path, node] : nodes) list.push_back(std::move(node));
  return list;
}

}  // namespace crisp
