# results.json -> JUnit XML. What XML 1.0 cannot hold (control bytes, U+FFFE, U+FFFF) becomes U+FFFD.

def xml:
  [explode[] | if . == 9 or . == 10 or (. >= 32 and . < 65534 and (. < 55296 or . > 57343)) or . > 65535
               then . else 65533 end]
  | implode
  | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;") | gsub("\""; "&quot;");

def case:
  "    <testcase classname=\"\(.extra_data.lab | xml)\" name=\"\(.name | xml)\">"
  + (if .extra_data.skipped != null then "<skipped message=\"\(.extra_data.skipped | xml)\"/>"
     elif .status == "failed" then
       "<failure message=\"\(.score)/\(.max_score) points\">\(.output | xml)</failure>"
     else "<system-out>\(.output | xml)</system-out>" end)
  + "</testcase>";

"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
"<testsuites>",
(.tests | group_by(.extra_data.lab)[]
 | "  <testsuite name=\"\(.[0].extra_data.lab | xml)\" tests=\"\(length)\""
   + " failures=\"\(map(select(.status == "failed")) | length)\" errors=\"0\""
   + " skipped=\"\(map(select(.extra_data.skipped != null)) | length)\">",
   (.[] | case),
   "  </testsuite>"),
"</testsuites>"
