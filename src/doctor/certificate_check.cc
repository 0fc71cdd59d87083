#include "doctor/certificate_check.h"

#include <ctime>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "daemon/options.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "doctor/units.h"
#include "images/endpoints.h"
#include "images/hosts_file.h"
#include "images/images.h"
#include "images/registry_options.h"

namespace crisp {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kSoon = 30 * kDay;

// A file of certificates, and what it is for. A CA file may hold a hundred, of which some have ended: no harm.
struct CertificateFile {
  std::string path;
  bool authorities = false;
  bool operator<(const CertificateFile& other) const { return path < other.path; }
};

void AddFiles(const RegistryTls& tls, std::set<CertificateFile>* files) {
  for (const std::string& file : tls.ca_files) files->insert({file, true});
  for (const ClientCertificate& client : tls.clients) files->insert({client.cert_file, false});
}

std::set<CertificateFile> FilesOf(const Config& config, const RegistryOptions& options) {
  std::set<CertificateFile> files;
  for (const auto& [host, tls] : options.tls) AddFiles(tls, &files);
  for (const std::string& registry : RegistriesOfHostsFiles(options.config_path)) {
    const auto endpoints = EndpointsFor(options, registry);
    if (!endpoints.ok()) continue;  // the check of the registries says so
    for (const Endpoint& endpoint : *endpoints) AddFiles(endpoint.tls.value_or(RegistryTls()), &files);
  }
  if (!config.stream.certificate_file.empty()) files.insert({config.stream.certificate_file, false});
  return files;
}

void LookAtFile(const CertificateFile& file, int64_t now, Findings* findings) {
  const auto certificates = CertificatesIn(file.path);
  if (!certificates.ok()) {
    return findings->Problem("file", file.path, std::string(certificates.status().message()),
                             "put the file there, or mend the key that names it");
  }
  const CertificateEnd* soonest = &certificates->front();
  const CertificateEnd* latest = soonest;
  for (const CertificateEnd& each : *certificates) {
    if (each.end < soonest->end) soonest = &each;
    if (each.end > latest->end) latest = &each;
  }
  const CertificateEnd& judged = file.authorities ? *latest : *soonest;
  JudgeCertificateEnd("file", file.path, judged, absl::StrCat(certificates->size(), " in the file"), now, findings);
}

void LookAtKeys(const RegistryOptions& options, Findings* findings) {
  for (const auto& [host, tls] : options.tls) {
    const absl::Status usable = CheckTlsFiles(tls);
    if (usable.ok()) continue;
    findings->Problem("key", absl::StrCat("registry.configs.\"", host, "\".tls"), std::string(usable.message()),
                      "mend the files; pulls from this host fail");
  }
}

}  // namespace

void JudgeCertificateEnd(absl::string_view item, const std::string& object, const CertificateEnd& certificate,
                         const std::string& more, int64_t now, Findings* findings) {
  const std::string subject = absl::StrCat(certificate.subject, ", ", more);
  const int64_t left = certificate.end - now;
  if (left < 0) {
    return findings->Problem(item, object, absl::StrCat(subject, ": has ended on ", DayText(certificate.end)),
                             "renew it");
  }
  if (left < kSoon) {
    return findings->Warn(item, object,
                          absl::StrCat(subject, ": ends in ", DurationText(left), ", on ", DayText(certificate.end)),
                          "renew it before");
  }
  findings->Ok(item, object, absl::StrCat(subject, ": good until ", DayText(certificate.end)));
}

void CheckCertificates(const Subject& subject, Findings* findings, const CallContext&) {
  const RegistryOptions options = ImagesOptionsOf(subject.config).registry;
  const std::set<CertificateFile> files = FilesOf(subject.config, options);
  if (files.empty()) findings->Ok("file", "configuration", "names no file of certificates");
  for (const CertificateFile& file : files) LookAtFile(file, time(nullptr), findings);
  LookAtKeys(options, findings);
}

}  // namespace crisp
