#include "doctor/unit_check.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "doctor/unit_settings.h"

namespace crisp {
namespace {

constexpr char kUnit[] = "crispd.service";

void LookAtKillMode(const UnitSettings& unit, Findings* findings) {
  const std::string mode = unit.Get("KillMode", "control-group");
  if (mode == "process") return findings->Ok("kill_mode", unit.file, "KillMode=process");
  findings->Problem("kill_mode", unit.file,
                    absl::StrCat("KillMode=", mode, ": a stop or restart of crispd kills the shims and containers too"),
                    "write KillMode=process in the unit's [Service], then systemctl daemon-reload");
}

void LookAtDelegate(const UnitSettings& unit, Findings* findings) {
  const std::string delegate = unit.Get("Delegate", "no");
  if (delegate != "no" && delegate != "false" && !delegate.empty()) {
    return findings->Ok("delegate", unit.file, absl::StrCat("Delegate=", delegate));
  }
  findings->Warn("delegate", unit.file,
                 "Delegate=no: systemd may take cgroups of containers away when units are reloaded",
                 "write Delegate=yes in the unit's [Service], then systemctl daemon-reload");
}

// Limits of the unit, which hold for crispd or for all containers in the unit's cgroup.
struct UnitLimit {
  const char* key;
  const char* absent;  // what holds without the key
  uint64_t least;      // that a node full of pods can live with
};
constexpr UnitLimit kLimits[] = {
    {"TasksMax", "0", 100000},  // absent: systemd's default, 15 % of the kernel's limit, often about 4915
    {"LimitNPROC", "infinity", 100000},
    {"LimitNOFILE", "infinity", 65536},  // absent: systemd's default, 524288
};

// "infinity", a number, or "soft:hard" (systemd.exec(5)), of which the second counts.
bool Suffices(const std::string& text, uint64_t least) {
  const std::string value = text.substr(text.find(':') + 1);
  uint64_t number = 0;
  return value == "infinity" || !absl::SimpleAtoi(value, &number) || number >= least;
}

void LookAtLimits(const UnitSettings& unit, Findings* findings) {
  bool all = true;
  for (const UnitLimit& limit : kLimits) {
    const std::string value = unit.Get(limit.key, limit.absent);
    if (Suffices(value, limit.least)) continue;
    all = false;
    findings->Warn(
        "limits", unit.file,
        absl::StrCat(limit.key, "=", value == "0" ? "(default)" : value, ", which a node full of pods reaches"),
        absl::StrCat("have ", limit.key, " as deploy/crispd.service has it, then systemctl daemon-reload"));
  }
  if (all) findings->Ok("limits", unit.file, "leave room for a node full of pods");
}

void LookAtOomScore(const UnitSettings& unit, Findings* findings) {
  int score = 0;
  const std::string text = unit.Get("OOMScoreAdjust", "0");
  if (absl::SimpleAtoi(text, &score) && score <= -900)
    return findings->Ok("oom_score", unit.file, absl::StrCat("OOMScoreAdjust=", text));
  findings->Warn("oom_score", unit.file,
                 absl::StrCat("OOMScoreAdjust=", text, ": when memory runs out crispd may go before pods do"),
                 "write OOMScoreAdjust=-999 in the unit's [Service], then systemctl daemon-reload");
}

void LookAtRestart(const UnitSettings& unit, Findings* findings) {
  const std::string restart = unit.Get("Restart", "no");
  if (restart == "always" || restart == "on-failure")
    return findings->Ok("restart", unit.file, absl::StrCat("Restart=", restart));
  findings->Warn("restart", unit.file, absl::StrCat("Restart=", restart, ": a crispd that ends stays away"),
                 "write Restart=always in the unit's [Service], then systemctl daemon-reload");
}

}  // namespace

void CheckUnit(const Subject& subject, Findings* findings, const CallContext& call) {
  const std::optional<UnitSettings> unit = ReadUnit(subject.tree, kUnit, call);
  const bool systemd = subject.tree.Has("/run/systemd/system");
  if (!unit.has_value()) {
    if (!systemd) return findings->Note("installed", kUnit, "is not there, and systemd does not run");
    return findings->Warn("installed", kUnit, "is not there: nobody starts crispd with the node",
                          "cp deploy/crispd.service /etc/systemd/system/, then systemctl enable --now crispd");
  }
  findings->Ok("installed", kUnit, unit->file);
  if (unit->enabled) {
    findings->Ok("enabled", kUnit, "starts with the node");
  } else {
    findings->Warn("enabled", kUnit, "does not start with the node", "systemctl enable crispd");
  }
  LookAtKillMode(*unit, findings);
  LookAtDelegate(*unit, findings);
  LookAtLimits(*unit, findings);
  LookAtOomScore(*unit, findings);
  LookAtRestart(*unit, findings);
}

}  // namespace crisp
