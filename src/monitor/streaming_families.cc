#include "monitor/streaming_families.h"

#include <utility>

#include "monitor/read_values.h"
#include "streaming/streaming_counters.h"

namespace crisp {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* kKinds[] = {"exec", "attach", "portforward"};  // as StreamKind

}  // namespace

void AddStreamingFamilies(const StreamingCounters& counters, std::vector<MetricFamily>* families) {
  MetricFamily opened = Family("crisp_streaming_sessions_total", "Sessions that were opened.", MetricType::Counter);
  MetricFamily open = Family("crisp_streaming_sessions", "Sessions that are open now.", MetricType::Gauge);
  MetricFamily received = Family("crisp_streaming_received_bytes_total", "Bytes from clients for processes and ports.",
                                 MetricType::Counter);
  MetricFamily sent =
      Family("crisp_streaming_sent_bytes_total", "Bytes from processes and ports for clients.", MetricType::Counter);
  for (size_t i = 0; i < counters.kinds.size(); ++i) {
    const StreamKindCounters& kind = counters.kinds[i];
    kind.sessions.ForEach([&](const std::string& protocol, const StreamKindCounters::Sessions& sessions) {
      const uint64_t closed = sessions.closed.value();  // read first: it is never more than `opened`
      const uint64_t all = sessions.opened.value();
      AddValue(&opened, static_cast<double>(all), {{"kind", kKinds[i]}, {"protocol", protocol}});
      AddValue(&open, static_cast<double>(all - closed), {{"kind", kKinds[i]}, {"protocol", protocol}});
    });
    AddValue(&received, static_cast<double>(kind.received_bytes.value()), {{"kind", kKinds[i]}});
    AddValue(&sent, static_cast<double>(kind.sent_bytes.value()), {{"kind", kKinds[i]}});
  }
  for (MetricFamily* family : {&opened, &open, &received, &sent}) families->push_back(std::move(*family));
  families->push_back(Count("crisp_streaming_refused_tokens_total",
                            "Requests with a token that is unknown, used up or too old.", counters.refused_tokens));
}

}  // namespace crisp
