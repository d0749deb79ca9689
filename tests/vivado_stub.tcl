# Vivado without Vivado, under tclsh: records the commands that a script calls and answers them as
# far as the script goes on by the answer. It refuses what Vivado would refuse (files and objects
# that are not there), and leaves files where Vivado leaves them; what is in these says nothing of
# what Vivado would make.
#
# STUB_RECORD names the file that gets a line a call. STUB_FAILS names a command that fails,
# STUB_WITHOUT an IP that the catalog has not, STUB_OPEN a pin that the block design has not,
# STUB_BOARD= has no board files, STUB_SETUP and STUB_HOLD are the slacks, STUB_RUN_FAILS names a run
# that fails, STUB_HANDOFF is none or bare.

proc setting {name default} {
    expr {[info exists ::env(STUB_$name)] ? $::env(STUB_$name) : $default}
}

proc record {name arguments} {
    set line [list $name {*}[lmap argument $arguments {string map {\n " "} $argument}]]
    set file [open $::env(STUB_RECORD) a]
    puts $file [join $line "\t"]
    close $file
    if {[setting FAILS ""] eq $name} {
        error "ERROR: $name: it failed"
    }
}

# Commands that the script calls for their effect alone.
foreach name {
    set_param set_property update_compile_order close_project
    create_bd_design connect_bd_net connect_bd_intf_net apply_bd_automation
    assign_bd_address validate_bd_design save_bd_design wait_on_run open_run
    ipx::check_integrity ipx::unload_core
} {
    namespace eval [namespace qualifiers $name] {}
    proc $name args "record $name \$args"
}

# Commands that find objects: an object is its name here.
foreach name {
    current_project current_fileset get_files get_runs
} {
    proc $name args "record $name \$args; return \[lindex \$args end\]"
}
foreach name {get_bd_pins get_bd_intf_pins} {
    proc $name args "
        record $name \$args
        if {\[setting OPEN {}\] ne \[lindex \$args end\]} { return \[lindex \$args end\] }
    "
}

proc positional {arguments flags} {
    set found {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set argument [lindex $arguments $i]
        if {[string match -* $argument]} {
            incr i [expr {$argument ni $flags}]
        } else {
            lappend found $argument
        }
    }
    return $found
}

# The value of an option.
proc option {arguments name} {
    lindex $arguments [expr {[lsearch -exact $arguments $name] + 1}]
}

proc write {file text} {
    file mkdir [file dirname $file]
    set out [open $file w]
    puts $out $text
    close $out
}

# ---- Projects and runs -----------------------------------------------------------------------

proc create_project args {
    record create_project $args
    lassign [positional $args -force] ::project ::folder
    file delete -force $::folder
    file mkdir $::folder
}

proc add_files args {
    record add_files $args
    foreach file [join [positional $args -norecurse]] {
        if {![file exists $file]} {
            error "ERROR: \[Vivado 12-172\] File or Directory '$file' does not exist"
        }
        lappend ::sources $file
    }
}

proc get_param name {
    record get_param [list $name]
    return [list "/installed boards"]
}

proc get_board_parts args {
    record get_board_parts $args
    if {[setting BOARD 1] eq ""} return
    lmap version {1.9 1.10} {string map [list * vendor. part0:* part0:$version \
        ? u] [lindex $args end]}
}

proc get_ipdefs args {
    record get_ipdefs $args
    set pattern [lindex $args end]
    if {[lindex [split $pattern :] 2] eq [setting WITHOUT ""]} return
    if {![string match xilinx.com:ip:* $pattern]} {
        return [expr {[dict exists $::catalog $pattern] ? [list $pattern] : {}}]
    }
    lmap version {9.0 10.0} {string map [list * $version] $pattern}
}

proc get_timing_paths args {
    record get_timing_paths $args
    return [expr {"-setup" in $args ? "setup_path" : "hold_path"}]
}

proc get_property {name objects} {
    record get_property [list $name $objects]
    set failed [expr {[setting RUN_FAILS ""] eq $objects}]
    switch -- $name {
        PROGRESS { return [expr {$failed ? "40%" : "100%"}] }
        STATUS { return [expr {$failed ? "synth_design ERROR" : "write_bitstream Complete!"}] }
        DIRECTORY { return $::folder/$::project.runs/$objects }
        SLACK {
            return [expr {$objects eq "setup_path" ? [setting SETUP 0.25] : [setting HOLD 0.02]}]
        }
        STARTPOINT_PIN { return system_i/conv/inst/start_reg/C }
        ENDPOINT_PIN { return system_i/conv/inst/end_reg/D }
        DATAPATH_DELAY { return 11.25 }
        LOGIC_LEVELS { return 14 }
        default { error "ERROR: no property $name" }
    }
}

proc make_wrapper args {
    record make_wrapper $args
    set file $::folder/$::project.gen/sources_1/bd/system/hdl/system_wrapper.v
    write $file "module system_wrapper; endmodule"
    return $file
}

proc launch_runs args {
    record launch_runs $args
    set run [lindex $args 0]
    if {"write_bitstream" in $args && [setting RUN_FAILS ""] ne $run} {
        write $::folder/$::project.runs/$run/system_wrapper.bit "bits"
    }
}

foreach name {report_timing_summary report_utilization report_power} {
    proc $name args "
        record $name \$args
        if {!\[file isdirectory \[file dirname \[lindex \$args end\]\]\]} {
            error {ERROR: no such folder}
        }
        write \[lindex \$args end\] $name
    "
}

# ---- IP catalog ------------------------------------------------------------------------------

rename set_property _set_property
proc set_property args {
    _set_property {*}$args
    lassign $args name value object
    if {$name eq "ip_repo_paths"} {
        set ::repositories $value
    }
}

# The text of the first element of a name.
proc element {name text} {
    regexp "<spirit:$name\[^>\]*>(\[^<\]*)<" $text all found
    return $found
}

# All component.xml below the repositories, with what ends up in the hand-off.
proc update_ip_catalog args {
    record update_ip_catalog $args
    set ::catalog {}
    foreach repository $::repositories {
        foreach file [glob -nocomplain -directory $repository */component.xml */ip/component.xml] {
            set in [open $file]
            set text [read $in]
            close $in
            set vlnv [join [lmap key {vendor library name version} {element $key $text}] :]
            set registers {}
            foreach part [lrange [split [string map {<spirit:register> \u0001} $text] \u0001] 1 end] {
                dict set registers [element name $part] [element addressOffset $part]
            }
            set usage [expr {[string match *<spirit:usage>* $text] ? [element usage $text] : ""}]
            dict set ::catalog $vlnv [dict create usage $usage registers $registers]
        }
    }
}

proc ipx::open_core args {
    record ipx::open_core $args
    if {![file exists [lindex $args end]]} {
        error "ERROR: no such component"
    }
    return core
}

# ---- Block design ----------------------------------------------------------------------------

proc create_bd_cell args {
    record create_bd_cell $args
    set vlnv [option $args -vlnv]
    if {![string match xilinx.com:ip:* $vlnv] && ![dict exists $::catalog $vlnv]} {
        error "ERROR: \[BD 5-216\] VLNV <$vlnv> is not supported"
    }
    set name [lindex $args end]
    dict set ::cells $name $vlnv
    return $name
}

proc generate_target args {
    record generate_target $args
    if {[setting HANDOFF 1] eq "none"} return
    set text "<EDKSYSTEM><MODULES>"
    dict for {name vlnv} $::cells {
        append text "<MODULE FULLNAME=\"/$name\" INSTANCE=\"$name\" VLNV=\"$vlnv\">"
        if {[dict exists $::catalog $vlnv] && [setting HANDOFF 1] ne "bare"} {
            set ip [dict get $::catalog $vlnv]
            append text "<ADDRESSBLOCKS><ADDRESSBLOCK USAGE=\"[dict get $ip usage]\"><REGISTERS>"
            dict for {register offset} [dict get $ip registers] {
                append text "<REGISTER NAME=\"$register\"><PROPERTY NAME=\"ADDRESS_OFFSET\"" \
                    " VALUE=\"$offset\"/></REGISTER>"
            }
            append text "</REGISTERS></ADDRESSBLOCK></ADDRESSBLOCKS>"
        }
        append text "</MODULE>"
    }
    append text "</MODULES></EDKSYSTEM>"
    write $::folder/$::project.gen/sources_1/bd/system/hw_handoff/system.hwh $text
}

set argv0 [option $argv -source]
source $argv0
