if mode() == "load" then
    LmodWarning("OpenFOAM 9 gets no more fixes: OpenFOAM/v2312-foss-2023b is its successor.")
end
