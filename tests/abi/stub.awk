# Makes of include/keyviz.h a C library that has each of its functions, without a body, and all its numbers: compiled with
# debug information, it tells a tool what the header declares. (An enum for each number: of one with several enumerators,
# libabigail only notes which values there are.)
BEGIN { print "#include <keyviz.h>" }
/^#define KEYVIZ_[A-Z0-9_]+ -?[0-9]+$/ && $2 !~ /^KEYVIZ_VERSION_/ {
    numbers = numbers "    enum { VALUE_OF_" $2 " = " $2 " } " $2 "_;\n"
}
/^[a-z].*[ *]keyviz_[a-z0-9_]+\(/ && !/^typedef/ { inside = 1 }
inside {
    if (sub(/\);$/, ") { __builtin_trap(); }")) inside = 0
    print
}
END { print "typedef struct {\n" numbers "} keyviz_numbers_t;\nvoid keyviz_numbers(keyviz_numbers_t *numbers) { (void)numbers; }" }
