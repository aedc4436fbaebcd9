if mode() == "load" then
    LmodError("ANSYS needs a licence that this site does not have.")
end
