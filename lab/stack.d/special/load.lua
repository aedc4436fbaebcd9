if not isloaded("gfbf/2023b") then
    load("gfbf/2023b")
end
load("zlib/1.2.13-GCCcore-13.2.0")
