# Reads the file `known` and then critest's JUnit report; prints what failed, what was skipped, and the numbers. Exits
# with 1 if a spec failed, or none passed.
# Usage: awk -f report.awk known junit.xml

# The value of an attribute. Go's encoder writes an element's attributes on one line, with these references.
function attribute(name, text) {
  if (!match($0, " " name "=\"[^\"]*\"")) return ""
  text = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
  gsub(/&#xA;|&#x9;|&#xD;/, " ", text)
  gsub(/&#34;/, "\"", text)
  gsub(/&#39;/, "'", text)
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&amp;/, "\\&", text)
  gsub(/  +/, " ", text)
  return text
}

function shortened(text) { return length(text) > 600 ? substr(text, 1, 600) "…" : text }

function finish(   i, why) {
  if (status == "") return
  if (status == "passed") {
    # What is not a spec, as the suite's set-up, is told only if it fails.
    passed += is_spec
  } else if (status == "skipped") {
    # Without a reason a filter has left it out.
    if (reason == "") filtered += is_spec
    else lines[++count] = "SKIPPED " name ": " reason
    skipped += reason != ""
  } else if (status == "pending") {
    ++filtered
  } else {
    for (i = 1; i <= knowns && why == ""; ++i) if (name ~ known_name[i] && reason ~ known_reason[i]) why = known_why[i]
    if (why == "") lines[++count] = "FAILED  " name ": " shortened(reason)
    else lines[++count] = "KNOWN   " name ": " why
    failed += why == ""
    known += why != ""
  }
  status = ""
}

NR == FNR {
  if ($0 ~ /^#/ || split($0, field, "\t") != 3) next
  ++knowns
  known_name[knowns] = field[1]
  known_reason[knowns] = field[2]
  known_why[knowns] = field[3]
  next
}

/^ *<testcase / {
  finish()
  name = attribute("name")
  is_spec = name ~ /^\[It\] /
  sub(/^\[It\] /, "", name)
  status = attribute("status")
  reason = ""
}

status != "" && /^ *<(skipped|failure|error) / {
  reason = attribute("message")
  sub(/^skipped( - )?/, "", reason)
}

END {
  finish()
  for (i = 1; i <= count; ++i) print lines[i]
  printf "critest: %d passed, %d failed, %d known to fail with these images, %d skipped", passed, failed, known, skipped
  if (filtered) printf ", %d left out by filters", filtered
  print ""
  exit failed > 0 || passed == 0
}
