#include "doctor/registry_check.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "daemon/options.h"
#include "doctor/certificate_check.h"
#include "doctor/endpoint_probe.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "doctor/units.h"
#include "images/endpoints.h"
#include "images/hosts_file.h"
#include "images/image_counters.h"
#include "images/images.h"
#include "images/reference.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr int kProbesAtOnce = 16;
constexpr HttpTimes kTimes{milliseconds(5000), milliseconds(5000), milliseconds(8000)};
constexpr int64_t kClockTolerance = 60;  // seconds; tokens of registries are good for some minutes

// One endpoint, with the one that is asked by http where it does not speak TLS.
struct Candidate {
  Endpoint endpoint;
  std::vector<Endpoint> fallbacks;
  EndpointAnswer answer;
};

// The endpoints of one registry. The last of its probes to end writes the findings.
class RegistryReport {
 public:
  RegistryReport(std::string registry, const std::vector<Endpoint>& endpoints) : registry_(std::move(registry)) {
    for (const Endpoint& endpoint : endpoints) {
      if (endpoint.url.HostName() == kAnyRegistry) continue;  // a stand-in for registries that nobody has named
      if (endpoint.fallback && !candidates_.empty()) {
        candidates_.back().fallbacks.push_back(endpoint);
      } else {
        candidates_.push_back({endpoint, {}, {}});
      }
    }
    left_ = candidates_.size();
  }

  size_t size() const { return candidates_.size(); }

  void Probe(size_t index, HttpClient& client, const RegistryOptions& options, const CallContext& call,
             Findings* findings) {
    Candidate& candidate = candidates_[index];  // only this probe touches it until all have ended
    candidate.answer = ProbeEndpoint(client, candidate.endpoint, options, call);
    for (const Endpoint& fallback : candidate.fallbacks) {
      if (candidate.answer.serves || !candidate.answer.speaks_no_tls) break;
      candidate.answer = ProbeEndpoint(client, fallback, options, call);
      candidate.endpoint = fallback;
    }
    MutexLock lock(mutex_);
    if (--left_ == 0) Write(findings);
  }

 private:
  std::string Name() const { return registry_ == kAnyRegistry ? "every other registry" : registry_; }

  void Write(Findings* findings) const {
    const bool any =
        std::any_of(candidates_.begin(), candidates_.end(), [](const Candidate& c) { return c.answer.serves; });
    for (const Candidate& candidate : candidates_) WriteOne(candidate, any, findings);
  }

  void WriteOne(const Candidate& candidate, bool any, Findings* findings) const {
    const EndpointAnswer& answer = candidate.answer;
    const std::string url = absl::StrCat(candidate.endpoint.url.Printable(), " for ", Name());
    if (answer.serves) {
      findings->Ok("endpoint", url, answer.text);
      JudgeServerCertificate(url, answer, findings);
      JudgeDate(url, answer, findings);
    } else if (!any) {
      findings->Problem(
          "endpoint", url, absl::StrCat(answer.text, "; no endpoint of this registry serves"),
          "look at its name server, its route, the proxy (HTTPS_PROXY in crispd's unit) and its certificate");
    } else if (candidate.endpoint.mirror) {
      findings->Warn("endpoint", url, absl::StrCat(answer.text, "; each pull tries it first, and then the next one"),
                     "mend it, or take it out of the configuration");
    } else {
      findings->Note("endpoint", url, absl::StrCat(answer.text, "; its mirrors serve"));
    }
  }

  static void JudgeServerCertificate(const std::string& url, const EndpointAnswer& answer, Findings* findings) {
    const std::optional<int64_t> end = ParseCertificateTime(answer.certificate.end);
    if (!end.has_value()) return;
    JudgeCertificateEnd("certificate", url, {answer.certificate.subject, *end},
                        absl::StrCat("issued by ", answer.certificate.issuer), time(nullptr), findings);
  }

  static void JudgeDate(const std::string& url, const EndpointAnswer& answer, Findings* findings) {
    if (!answer.date.has_value()) return;
    const int64_t apart = time(nullptr) - *answer.date;
    if (std::abs(apart) <= kClockTolerance) return findings->Ok("date", url, "its clock and this one agree");
    findings->Warn("date", url,
                   absl::StrCat("this node's clock is ", DurationText(std::abs(apart)),
                                apart > 0 ? " ahead of" : " behind", " its clock"),
                   "see which of the two is wrong (check clock); tokens and certificates are refused by a wrong clock");
  }

  const std::string registry_;
  std::vector<Candidate> candidates_;
  Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
};

// All that the configuration names, and that of the pause image.
std::set<std::string> RegistriesOf(const Subject& subject) {
  std::set<std::string> registries;
  const RegistryConfig& config = subject.config.registry;
  for (const auto& [host, endpoints] : config.mirrors) registries.insert(host == "*" ? kAnyRegistry : host);
  for (const std::string& registry : RegistriesOfHostsFiles(config.config_path)) registries.insert(registry);
  if (const auto pause = ParseReference(subject.config.sandbox_image); pause.ok()) registries.insert(pause->domain);
  return registries;
}

void LookAtHostsFiles(const RegistryConfig& config, Findings* findings) {
  std::vector<std::string> warnings;
  const std::vector<std::string> faults = FaultsOfHostsFiles(config.config_path, &warnings);
  for (const std::string& fault : faults) {
    findings->Problem("hosts_file", config.config_path, absl::StrCat(fault, "; pulls from its registry fail"),
                      "mend the file");
  }
  for (const std::string& warning : warnings) {
    findings->Warn("hosts_file", config.config_path, warning, "remove the key, or mend it");
  }
  if (faults.empty() && warnings.empty() && !config.config_path.empty()) {
    findings->Ok("hosts_file", config.config_path, "every file in use can be read");
  }
}

}  // namespace

void CheckRegistries(const Subject& subject, Findings* findings, const CallContext& call) {
  LookAtHostsFiles(subject.config.registry, findings);
  const RegistryOptions options = ImagesOptionsOf(subject.config).registry;
  std::vector<std::unique_ptr<RegistryReport>> reports;
  for (const std::string& registry : RegistriesOf(subject)) {
    const auto endpoints = EndpointsFor(options, registry);
    if (endpoints.ok()) {
      reports.push_back(std::make_unique<RegistryReport>(registry, *endpoints));
    } else if (options.config_path.empty()) {  // of a hosts.toml it has been said
      findings->Problem("endpoint", registry, std::string(endpoints.status().message()), "mend registry.mirrors");
    }
  }
  TlsStore tls;
  ImageCounters counters;  // nobody reads them
  HttpClient client(kTimes, &tls, &counters);
  WorkerPool probes(kProbesAtOnce);
  for (const std::unique_ptr<RegistryReport>& report : reports) {
    for (size_t i = 0; i < report->size(); ++i) {
      probes.Run([&, each = report.get(), i] { each->Probe(i, client, options, call, findings); });
    }
  }
  probes.Wait();
}

}  // namespace crisp
