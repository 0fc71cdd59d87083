// Prometheus: Debian's prometheus, with the scrape configuration and the alerts of deploy/prometheus, on 127.0.0.1 of
// the test's machine. It scrapes once a second.
#pragma once

#include <string>
#include <vector>

#include "e2e/daemon_process.h"

namespace crisp::e2e {

class Prometheus {
 public:
  // `directory` takes its configuration, data and log. Returns when it answers. Throws std::runtime_error if it does
  // not within 20 s.
  explicit Prometheus(const std::string& directory);

  // How many series the expression gives now. Throws std::runtime_error if Prometheus does not accept it.
  size_t CountSeries(const std::string& expression) const;
  // The names of all metrics that it has scraped.
  std::vector<std::string> MetricNames() const;
  // The expressions of its alerts. Throws std::runtime_error if it could not evaluate one.
  std::vector<std::string> AlertExpressions() const;

 private:
  DaemonProcess process_;
};

}  // namespace crisp::e2e
