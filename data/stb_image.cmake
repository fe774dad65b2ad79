# What stb_image does with damaged files shall be defined: sums wrap around, what was not set (colours that a palette
# lacks) has one value, copying nothing to nowhere is copying nothing. It shifts zeros too far at the end of a scan,
# which are zeros all the same.
set(stb_image_options -fwrapv -ftrivial-auto-var-init=pattern -fno-delete-null-pointer-checks
  -fno-sanitize=nonnull-attribute,shift-exponent)
