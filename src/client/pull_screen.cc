#include "client/pull_screen.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/human.h"
#include "client/image_names.h"
#include "client/list_output.h"

namespace crisp::client {
namespace {

using Part = v1::PullProgress::Part;

constexpr size_t kLeastBar = 10;
constexpr size_t kMostBar = 40;

std::string KindOf(const Part& part) {
  switch (part.kind()) {
    case Part::INDEX:
      return "index";
    case Part::MANIFEST:
      return "manifest";
    case Part::CONFIG:
      return "config";
    default:
      return "layer";
  }
}

std::string StateOf(const Part& part) {
  switch (part.state()) {
    case Part::RECEIVING:
      return "downloading";
    case Part::DONE:
      return "done";
    case Part::EXISTS:
      return "exists";
    default:
      return "waiting";
  }
}

bool Ended(const Part& part) {
  return part.state() == Part::DONE || part.state() == Part::EXISTS;
}

std::string BytesOf(const Part& part) {
  if (part.state() == Part::EXISTS) return "";
  if (part.size() <= 0) return part.received() > 0 ? HumanBytes(static_cast<uint64_t>(part.received())) : "";
  const auto size = HumanBytes(static_cast<uint64_t>(part.size()));
  return Ended(part) ? size : absl::StrCat(HumanBytes(static_cast<uint64_t>(part.received())), " / ", size);
}

std::string Bar(const Part& part, size_t width) {
  double share = Ended(part) ? 1 : 0;
  if (!Ended(part) && part.size() > 0) {
    share = std::min(1.0, static_cast<double>(part.received()) / static_cast<double>(part.size()));
  }
  const auto full = static_cast<size_t>(share * static_cast<double>(width));
  std::string bar(full, '=');
  if (full < width && full > 0) bar.back() = '>';
  return absl::StrCat("[", bar, std::string(width - full, ' '), "]");
}

std::string LineOf(const Part& part, size_t columns) {
  const std::string head =
      absl::StrFormat("%-8s %-12s  %-11s", KindOf(part), ShortImageId(part.digest()), StateOf(part));
  const std::string bytes = absl::StrFormat("%21s", BytesOf(part));
  const size_t taken = head.size() + bytes.size() + 6;
  if (columns < taken + kLeastBar) return CutAt(absl::StrCat(head, " ", BytesOf(part)), columns);
  return absl::StrCat(head, "  ", Bar(part, std::min(kMostBar, columns - taken)), "  ", bytes);
}

}  // namespace

std::string PullSummary(const v1::PullProgress& progress) {
  int64_t received = 0;
  for (const Part& part : progress.parts()) received += part.state() == Part::EXISTS ? 0 : part.received();
  const double seconds = static_cast<double>(progress.elapsed_ms()) / 1000;
  const double rate = seconds > 0 ? static_cast<double>(received) / seconds : 0;
  return absl::StrFormat("elapsed %.1f s   total %s   %s/s", seconds, HumanBytes(static_cast<uint64_t>(received)),
                         HumanBytes(static_cast<uint64_t>(rate)));
}

std::vector<std::string> DrawPull(const v1::PullProgress& progress, const TerminalSize& size) {
  const size_t columns = size.columns - 1u;  // a full line would wrap on some terminals
  const size_t room = size.rows > 4 ? size.rows - 3u : 1u;
  size_t too_many = static_cast<size_t>(progress.parts_size()) > room ? progress.parts_size() - room : 0;
  std::vector<std::string> lines = {CutAt(progress.reference(), columns)};
  for (const Part& part : progress.parts()) {
    if (too_many > 0 && Ended(part)) {
      --too_many;
      continue;
    }
    if (lines.size() <= room) lines.push_back(LineOf(part, columns));
  }
  lines.push_back(CutAt(PullSummary(progress), columns));
  return lines;
}

PullScreen::PullScreen(int fd) : fd_(fd), terminal_(IsTerminal(fd)) {}

void PullScreen::Show(const v1::PullProgress& progress) {
  summary_ = PullSummary(progress);
  terminal_ ? Redraw(progress) : WriteNews(progress);
}

void PullScreen::Redraw(const v1::PullProgress& progress) {
  const std::vector<std::string> lines = DrawPull(progress, SizeOf(fd_).value_or(TerminalSize()));
  std::string text = drawn_ > 0 ? absl::StrCat("\x1b[", drawn_, "A") : "";
  for (const std::string& line : lines) absl::StrAppend(&text, "\r", line, "\x1b[K\n");
  absl::StrAppend(&text, "\x1b[J");  // lines that are no longer there
  Write(text);
  drawn_ = lines.size();
}

void PullScreen::WriteNews(const v1::PullProgress& progress) {
  if (!named_ && !progress.reference().empty()) {
    Write(absl::StrCat(progress.reference(), "\n"));
    named_ = true;
  }
  for (const Part& part : progress.parts()) {
    if (!Ended(part) || !told_.insert(part.digest()).second) continue;
    const std::string bytes = BytesOf(part);
    Write(absl::StrCat(KindOf(part), " ", ShortImageId(part.digest()), " ", StateOf(part), bytes.empty() ? "" : "  ",
                       bytes, "\n"));
  }
}

void PullScreen::End() {
  if (!terminal_ && named_) Write(summary_ + "\n");
}

void PullScreen::Write(const std::string& text) const {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(fd_, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return;
    if (count > 0) done += static_cast<size_t>(count);
  }
}

}  // namespace crisp::client
