// The setters that the table of keys refers to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "config/key.h"

namespace crisp {

absl::Status Assign(const FileValue& value, std::string* field);
absl::Status Assign(const FileValue& value, bool* field);
absl::Status Assign(const FileValue& value, uint32_t* field);
absl::Status Assign(const FileValue& value, int* field);
absl::Status Assign(const FileValue& value, int64_t* field);
absl::Status Assign(const FileValue& value, double* field);
absl::Status Assign(const FileValue& value, std::vector<std::string>* field);

// Member<&A::b, &B::c>(a) is a.b.c.
template <auto First, auto... Rest, typename T>
auto& Member(T& object) {
  if constexpr (sizeof...(Rest) == 0) {
    return object.*First;
  } else {
    return Member<Rest...>(object.*First);
  }
}

// A field of Config, by the members that lead to it.
template <auto... Path>
absl::Status Set(const Setting& setting, Draft* draft) {
  return Assign(setting.value, &Member<Path...>(draft->config));
}

// The same for a key whose value must be an absolute path, or empty.
absl::Status CheckPath(const std::string& path);
template <auto... Path>
absl::Status SetPath(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPath(setting.value.text));
  return Set<Path...>(setting, draft);
}

// A number that must not be negative.
absl::Status CheckNotNegative(int64_t number);
template <auto... Path>
absl::Status SetNotNegative(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckNotNegative(setting.value.number));
  return Set<Path...>(setting, draft);
}

// A duration that is not negative.
absl::StatusOr<std::chrono::nanoseconds> ReadDuration(const FileValue& value);
template <auto... Path>
absl::Status SetDuration(const Setting& setting, Draft* draft) {
  ASSIGN_OR_RETURN(Member<Path...>(draft->config), ReadDuration(setting.value));
  return absl::OkStatus();
}

// An IPv4 or IPv6 address.
absl::Status CheckAddress(const std::string& address);
template <auto... Path>
absl::Status SetAddress(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckAddress(setting.value.text));
  return Set<Path...>(setting, draft);
}

// A TCP port, in text; 0 for one that is free.
absl::Status CheckPort(const std::string& port);
template <auto... Path>
absl::Status SetPort(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPort(setting.value.text));
  return Set<Path...>(setting, draft);
}

// A size of messages, for which 0 means the default.
template <auto... Path>
absl::Status SetMessageSize(const Setting& setting, Draft* draft) {
  if (setting.value.number == 0) return absl::OkStatus();
  return SetNotNegative<Path...>(setting, draft);
}

// A field of the runtime handler that the key's path names, which comes to be if it is not there.
template <auto Field>
absl::Status SetHandler(const Setting& setting, Draft* draft) {
  return Assign(setting.value, &(draft->config.runtimes[setting.names[0]].*Field));
}

template <auto Field>
absl::Status SetAuth(const Setting& setting, Draft* draft) {
  return Assign(setting.value, &(draft->config.registry.auth[setting.names[0]].*Field));
}

template <auto Field>
absl::Status SetTls(const Setting& setting, Draft* draft) {
  return Assign(setting.value, &(draft->config.registry.tls[setting.names[0]].*Field));
}

// The host of an http or https URL.
absl::StatusOr<std::string> HostOfUrl(const std::string& url);
template <auto Field>
absl::Status SetLegacyAuth(const Setting& setting, Draft* draft) {
  ASSIGN_OR_RETURN(std::string host, HostOfUrl(setting.names[0]));
  return Assign(setting.value, &(draft->legacy_auth[host].*Field));
}

absl::Status SetImports(const Setting& setting, Draft* draft);
absl::Status SetRoot(const Setting& setting, Draft* draft);
absl::Status SetState(const Setting& setting, Draft* draft);
absl::Status SetSocket(const Setting& setting, Draft* draft);
absl::Status SetLogFormat(const Setting& setting, Draft* draft);
absl::Status SetLogLevel(const Setting& setting, Draft* draft);
absl::Status SetSandboxImage(const Setting& setting, Draft* draft);
absl::Status SetCniBinDir(const Setting& setting, Draft* draft);
absl::Status SetCniBinDirs(const Setting& setting, Draft* draft);
absl::Status SetCdiDirs(const Setting& setting, Draft* draft);
absl::Status SetCniConfDir(const Setting& setting, Draft* draft);
absl::Status AddHandler(const Setting& setting, Draft* draft);
absl::Status CheckRuntimeType(const Setting& setting, Draft* draft);
absl::Status CheckRuntimePath(const Setting& setting, Draft* draft);
absl::Status CheckHandlerSnapshotter(const Setting& setting, Draft* draft);
absl::Status CheckSandboxer(const Setting& setting, Draft* draft);
absl::Status SetBinaryName(const Setting& setting, Draft* draft);
absl::Status SetRuntimeRoot(const Setting& setting, Draft* draft);
absl::Status SetMirror(const Setting& setting, Draft* draft);
absl::Status SetConfigPath(const Setting& setting, Draft* draft);
absl::Status AddHeader(const Setting& setting, Draft* draft);
absl::Status SetOomScore(const Setting& setting, Draft* draft);
absl::Status SetIpPreference(const Setting& setting, Draft* draft);
absl::Status SetBaseSpec(const Setting& setting, Draft* draft);
absl::Status SetHandlerConfDir(const Setting& setting, Draft* draft);
absl::Status SetHandlerMaxConfNum(const Setting& setting, Draft* draft);
absl::Status CheckShimEnvironment(const Setting& setting, Draft* draft);
absl::Status CheckNoVerifiers(const Setting& setting, Draft* draft);
absl::Status CheckDisabledPlugins(const Setting& setting, Draft* draft);
absl::Status CheckRequiredPlugins(const Setting& setting, Draft* draft);

// Why a key about core scheduling is refused: without it containers share cores with those of other pods.
inline constexpr char kNoCoreScheduling[] =
    "crisp does not keep pods apart by core scheduling; switch SMT off (nosmt on the kernel's command line), or keep "
    "containerd, and remove this key";

// For keys that have been looked at before.
absl::Status Nothing(const Setting& setting, Draft* draft);

}  // namespace crisp
