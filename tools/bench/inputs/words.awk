# Counts words, their lengths and their neighbours in a text.
{
    count = split(tolower($0), words, /[^a-z]+/)
    for (i = 1; i <= count; ++i) {
        seen[words[i]]++
        pairs[before, words[i]]++
        shape[words[i]] = substr(words[i], 1, 2) "-" length(words[i]) "-" seen[words[i]]
        before = words[i]
    }
}
END {
    for (word in seen) lines[++total] = seen[word] " " word " " shape[word]
    asort(lines)
    print total, length(pairs), lines[total]
}
