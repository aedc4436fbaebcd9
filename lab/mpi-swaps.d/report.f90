! report.h for Fortran.
module report
    use iso_c_binding
    implicit none
    interface
        subroutine report_start() bind(c)
        end subroutine
        subroutine report_rank(rank, size, version) bind(c)
            import
            integer(c_int), value :: rank, size
            character(kind=c_char), intent(in) :: version(*)
        end subroutine
        integer(c_int) function report_end(wrong) bind(c)
            import
            integer(c_int), value :: wrong
        end function
    end interface
contains
    subroutine said(rank, size, version)
        integer, intent(in) :: rank, size
        character(len=*), intent(in) :: version
        call report_rank(rank, size, version//c_null_char)
    end subroutine
end module
