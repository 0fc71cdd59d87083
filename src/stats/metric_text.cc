#include "stats/metric_text.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "stats/metric_table.h"

namespace crisp {
namespace {

// One container or pod, and the text of its labels.
struct Subject {
  const MetricFacts* facts;
  std::string labels;
};

void AppendLabel(absl::string_view key, absl::string_view value, std::string* text) {
  if (value.empty()) return;
  absl::StrAppend(text, text->empty() || text->back() == '{' ? "" : ",", key, "=\"");
  for (const char c : value) {
    if (c == '\n') {
      text->append("\\n");
    } else {
      if (c == '"' || c == '\\') text->push_back('\\');
      text->push_back(c);
    }
  }
  text->push_back('"');
}

Subject SubjectOf(const MetricFacts& facts) {
  Subject subject{&facts, ""};
  AppendLabel("container", facts.labels.container, &subject.labels);
  AppendLabel("image", facts.labels.image, &subject.labels);
  AppendLabel("namespace", facts.labels.pod_namespace, &subject.labels);
  AppendLabel("pod", facts.labels.pod, &subject.labels);
  return subject;
}

std::vector<Subject> SubjectsOf(const std::vector<PodMetricFacts>& pods) {
  std::vector<Subject> subjects;
  for (const PodMetricFacts& pod : pods) {
    subjects.push_back(SubjectOf(pod.pod));
    for (const MetricFacts& container : pod.containers) subjects.push_back(SubjectOf(container));
  }
  return subjects;
}

// Keeps the last one of those with the same labels.
void DropDoubles(std::vector<Subject>* subjects) {
  std::unordered_set<std::string> seen;
  std::reverse(subjects->begin(), subjects->end());
  std::erase_if(*subjects, [&seen](const Subject& subject) { return !seen.insert(subject.labels).second; });
  std::reverse(subjects->begin(), subjects->end());
}

// "untyped" for those of cAdvisor's names that do not fit their type: `promtool check metrics` wants "_total" at the
// end of counters' names, and of no others.
const char* TypeOf(const MetricInfo& info) {
  const bool counter = info.type == cri::COUNTER;
  if (absl::EndsWith(info.name, "_total") != counter) return "untyped";
  return counter ? "counter" : "gauge";
}

void AppendHead(const MetricInfo& info, std::string* text) {
  absl::StrAppend(text, "# HELP ", info.name, " ", info.help, "\n# TYPE ", info.name, " ", TypeOf(info), "\n");
}

// In decimals, without loss.
void AppendValue(uint64_t value, MetricUnit unit, std::string* text) {
  const uint64_t divisor = static_cast<uint64_t>(unit);
  const uint64_t whole = value / divisor, rest = value % divisor;
  switch (unit) {
    case MetricUnit::kOne:
      absl::StrAppend(text, whole);
      break;
    case MetricUnit::kMicroseconds:
      absl::StrAppend(text, whole, ".", absl::Dec(rest, absl::kZeroPad6));
      break;
    case MetricUnit::kNanoseconds:
      absl::StrAppend(text, whole, ".", absl::Dec(rest, absl::kZeroPad9));
      break;
  }
}

void AppendSample(const MetricInfo& info, const std::string& labels, uint64_t value, MetricSink::Labels own,
                  std::string* text) {
  absl::StrAppend(text, info.name, "{", labels);
  const char* const* key = info.labels.data();
  for (const absl::string_view label : own) AppendLabel(*key++, label, text);
  text->append("} ");
  AppendValue(value, info.unit, text);
  text->push_back('\n');
}

void AppendMetric(const MetricInfo& info, const std::vector<Subject>& subjects, std::string* text) {
  bool any = false;
  for (const Subject& subject : subjects) {
    const auto take = [&](uint64_t value, MetricSink::Labels own) {
      if (!std::exchange(any, true)) AppendHead(info, text);
      AppendSample(info, subject.labels, value, own, text);
    };
    info.read(*subject.facts, MetricSink(take));
  }
}

}  // namespace

void AppendMetricText(const std::vector<PodMetricFacts>& pods, std::string* text) {
  std::vector<Subject> subjects = SubjectsOf(pods);
  DropDoubles(&subjects);
  for (const MetricInfo& info : MetricTable()) AppendMetric(info, subjects, text);
}

}  // namespace crisp
