# Draws the results of tools/scripts/sweep.sh, to be put after head.html:
#   awk -f results.awk -f picture.awk results.csv
# Table 4 as heat maps, the stronger the colour the better the score; Tables 5 and 6 as curves. The best is marked.
END {
  for (i = 1; i <= notes; ++i) note[i] = escaped(note[i])
  print "<title>Sweep: " note[1] "</title>\n<h1>How the scores depend on l, the step size, d and γ</h1>"
  for (i = 1; i <= notes; ++i) print "<p class=\"muted\">" note[i] "</p>"
  print "<p class=\"muted\">The recipe’s own: l " value["own", "steps"] ", s 1 (drift " value["own", "drift"] \
    ", noise " value["own", "noise"] "), d " value["own", "latent"] ", γ " value["own", "kl_weight"] ": " \
    words("own") "</p>"
  if (count["l"]) {
    print "<h2>Table 4: Langevin steps l and step size s</h2>"
    print "<p class=\"muted\">s: factor of the recipe’s step size, noise δ times s, drift δ²/2 times s². " \
      "↺2: diverged and went back twice.</p>\n<div class=\"panels\">"
    heat_map("FD-cls, revised samples: low is good", "fd_revised")
    heat_map("FD-cls, g(z): low is good", "fd_generated")
    heat_map("IS-cls, revised samples: high is good", "is_revised")
    heat_map("KID-cls, revised samples: low is good", "kid_revised")
    print "</div>"
  }
  if (count["d"] || count["kl"]) {
    print "<h2>Tables 5 and 6: one setting at a time</h2>\n<div class=\"panels\">"
    curves("FD-cls over d, the dimension of z: low is good", "d")
    curves("FD-cls over γ, the weight of the KL term: low is good", "kl")
    print "</div>"
  }
  all_cells()
}

function escaped(what) {
  gsub(/&/, "\\&amp;", what); gsub(/</, "\\&lt;", what); gsub(/>/, "\\&gt;", what)
  return what
}
# What is known of a cell, for its tooltip.
function words(name) {
  if (reason[name] != "") return "diverged for good: " escaped(reason[name])
  return "FD-cls " value[name, "fd_revised"] " revised, " value[name, "fd_generated"] " g(z); KID-cls " \
    value[name, "kid_revised"] " ± " value[name, "kid_revised_error"] ", " value[name, "kid_generated"] " ± " \
    value[name, "kid_generated_error"] "; IS-cls " value[name, "is_revised"] ", " value[name, "is_generated"] \
    (value[name, "rollbacks"] > 0 ? "; went back " value[name, "rollbacks"] " times" : "")
}
function text(x, y, classes, what) {
  printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, classes, what
}

# Distances span orders of magnitude: their colour follows the logarithm.
function scale(score, x) {return score ~ /^fd_/ && x > 0 ? log(x) : x}
function rectangle(x, y, w, h, attributes) {
  return sprintf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" %s/>", x, y, w, h, attributes)
}
function heat_map(title, score,   i, j, x, y, w, h, left, top, name, good, poor, v, t, shade, best_at) {
  w = 76; h = 46; left = 48; top = 26  # a cell's width and height; where the first one is
  good = poor = ""
  for (i = 1; i <= count["l"]; ++i)
    for (j = 1; j <= count["s"]; ++j) {
      name = found("l" axis["l", i] "-x" axis["s", j])
      if (name == "" || reason[name] != "") continue
      v = value[name, score] + 0
      if (good == "" || better(score, v, good)) good = v
      if (poor == "" || better(score, poor, v)) poor = v
    }
  begin_picture(title, left + w * count["l"] + 4, top + h * count["s"] + 40)
  # ids are the page's, so each picture has its own
  printf "<defs><pattern id=\"hatch-%s\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" " \
    "patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V8\"/></pattern><linearGradient id=\"ramp-%s\">" \
    "<stop stop-color=\"var(--heat)\" stop-opacity=\".06\"/><stop offset=\"1\" stop-color=\"var(--heat)\"/>" \
    "</linearGradient></defs>\n", score, score
  for (i = 1; i <= count["l"]; ++i) text(left + (i - .5) * w, top - 9, "axis middle", "l = " axis["l", i])
  for (j = 1; j <= count["s"]; ++j) {
    y = top + (j - 1) * h
    text(left - 6, y + h / 2 + 4, "axis end", "s " axis["s", j])
    for (i = 1; i <= count["l"]; ++i) {
      x = left + (i - 1) * w
      name = found("l" axis["l", i] "-x" axis["s", j])
      if (name == "") {text(x + w / 2, y + h / 2 + 4, "muted middle", "–"); continue}
      printf "<g><title>l %s, s %s: %s</title>", axis["l", i], axis["s", j], words(name)
      if (reason[name] != "") {
        print rectangle(x + 1, y + 1, w - 2, h - 2, "fill=\"url(#hatch-" score ")\"")
        text(x + w / 2, y + h / 2 + 4, "bad middle", "diverged")
      } else {
        v = scale(score, value[name, score] + 0)
        t = good != poor ? (v - scale(score, poor)) / (scale(score, good) - scale(score, poor)) : 1
        shade = t > .78 ? " strong" : t > .55 ? " medium" : ""
        print rectangle(x + 1, y + 1, w - 2, h - 2, "class=\"heat\" fill-opacity=\"" sprintf("%.3f", .06 + .94 * t) "\"")
        text(x + w / 2, y + h / 2 + 4, "middle" shade, short_number(value[name, score]))
        if (value[name, "rollbacks"] > 0) text(x + w - 5, y + 13, "small end" shade, "↺" value[name, "rollbacks"])
        if (name == best(score, "l")) best_at = rectangle(x + 1, y + 1, w - 2, h - 2, "class=\"best\"")
      }
      print "</g>"
    }
  }
  y = top + h * count["s"] + 16
  if (good != "") {
    print best_at rectangle(left + 60, y, 110, 12, "fill=\"url(#ramp-" score ")\"")
    print rectangle(left + 244, y, 20, 12, "class=\"best\"")
    text(left + 54, y + 11, "muted end", short_number(poor))
    text(left + 176, y + 11, "muted", short_number(good))
    text(left + 270, y + 11, "muted", "best")
    text(left + 304, y + 11, "muted", "↺ went back")
  }
  print "</svg></div>"
}
function short_number(x) {return length(x "") > 7 ? sprintf("%.2e", x) : x}

# FD-cls of revised samples and of g(z), over values that double.
function curves(title, table,   i, k, name, score, other, high, step, ceiling, tick, x, y, path, pen, above) {
  if (!count[table]) return
  for (i = 1; i <= count[table]; ++i) {
    name = found(table axis[table, i])
    if (name == "" || reason[name] != "") continue
    if (value[name, "fd_revised"] + 0 > high) high = value[name, "fd_revised"] + 0
    if (value[name, "fd_generated"] + 0 > high) high = value[name, "fd_generated"] + 0
  }
  step = tick_step(1.1 * high)
  ceiling = step
  while (ceiling < 1.1 * high) ceiling += step
  begin_picture(title, 440, 300)
  for (tick = 0; tick <= ceiling; tick += step) {
    y = height_of(tick, ceiling)
    printf "<path class=\"grid\" d=\"M46 %.1fH424\"/>", y
    text(40, y + 4, "axis end", tick)
  }
  for (i = 1; i <= count[table]; ++i) {
    name = found(table axis[table, i])
    x = place(i, count[table])
    text(x, 242, "axis middle", axis[table, i])
    if (name == "own") text(x, 257, "axis middle", "recipe")
    if (name == "" || reason[name] == "") continue
    printf "<g><title>%s</title>", words(name)
    text(x, 216, "bad middle", "diverged")
    print "</g>"
  }
  for (k = 1; k <= 2; ++k) {
    score = k == 1 ? "fd_generated" : "fd_revised"
    other = k == 1 ? "fd_revised" : "fd_generated"
    path = ""
    pen = "M"
    for (i = 1; i <= count[table]; ++i) {
      name = found(table axis[table, i])
      if (name == "" || reason[name] != "") {pen = "M"; continue}
      path = path sprintf("%s%.1f %.1f", pen, place(i, count[table]), height_of(value[name, score], ceiling))
      pen = "L"
    }
    printf "<path class=\"curve %s\" d=\"%s\"/>\n", score, path
    for (i = 1; i <= count[table]; ++i) {
      name = found(table axis[table, i])
      if (name == "" || reason[name] != "") continue
      x = place(i, count[table])
      y = height_of(value[name, score], ceiling)
      printf "<g><title>%s</title><circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"dot %s\"/>", words(name), x, y, score
      if (name == best(score, table)) printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"7\" class=\"best\"/>", x, y
      above = value[name, score] - value[name, other]
      if (above == 0) above = k == 1  # the two curves meet
      text(x, y + (above > 0 ? -12 : 22), "middle value", value[name, score])
      print "</g>"
    }
  }
  print "<path class=\"curve fd_revised\" d=\"M46 284h26\"/><path class=\"curve fd_generated\" d=\"M196 284h26\"/>" \
    "<circle cx=\"290\" cy=\"284\" r=\"6\" class=\"best\"/>"
  text(78, 288, "muted", "revised samples")
  text(228, 288, "muted", "g(z)")
  text(302, 288, "muted", "best")
  print "</svg></div>"
}
function begin_picture(title, width, height) {
  printf "<div class=\"card\"><h3>%s</h3>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", title, width,
    height, title
}
function height_of(x, ceiling) {return 14 + 210 * (1 - (ceiling > 0 ? x / ceiling : 0))}
function place(i, n) {return 70 + (i - 1) * 330 / (n > 1 ? n - 1 : 1)}
# 1, 2 or 5 times a power of ten, so that there are about five lines.
function tick_step(high,   power) {
  if (high <= 0) return 1
  power = 10 ^ int(log(high / 5) / log(10) + 100) / 1e100
  return power * (high / 5 / power > 5 ? 10 : high / 5 / power > 2 ? 5 : high / 5 / power > 1 ? 2 : 1)
}

function all_cells(   i, k, n, shown, head) {
  n = split("steps s latent kl_weight iterations rollbacks fd_revised fd_generated kid_revised kid_generated " \
            "is_revised is_generated", shown, " ")
  split("l,s,d,γ,iterations,went back,FD revised,FD g(z),KID revised,KID g(z),IS revised,IS g(z)", head, ",")
  print "<h2>All cells</h2>\n<div class=\"card scroll\"><table><tr><th>cell</th>"
  for (k = 1; k <= n; ++k) print "<th>" head[k] "</th>"
  print "<th></th></tr>"
  for (i = 1; i <= cells; ++i) {
    printf "<tr><td>%s</td>", cell[i]
    for (k = 1; k <= n; ++k) printf "<td>%s</td>", value[cell[i], shown[k]]
    print "<td>" (reason[cell[i]] != "" ? "diverged for good: " escaped(reason[cell[i]]) : "") "</td></tr>"
  }
  print "</table></div>"
}
